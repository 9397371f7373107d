"""Publishing card rules: a whole document, or one row changed on the Settings page; every version stays."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dunning.core.audit import changed
from dunning.core.card_rules import CardRules, Mistake, mistakes
from dunning.core.network_advice import ANY, ROWS, bank_advice, network_advice, network_status
from dunning.flows.house import House
from dunning.store import audit, card_rules
from dunning.store.card_rules import Seen

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Published:
    """The version now in force; `mistakes` say why nothing was published, `changed` whether anything was."""

    version: int
    changed: bool = False
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True, slots=True)
class Undescribed:
    """A code on the merchant's refused attempts that no row describes; `field` is where Stripe puts it."""

    field: str
    code: str
    count: int


def publish(house: House, document: Document, *, by: str) -> Published:
    """Publish a document as the next version, unless it has mistakes or says what is in force already."""
    return _publish(house, lambda _before: document, by)


def set_row(house: House, code: str, own: Mapping[str, Any] | None, *, by: str) -> Published:
    """Publish the rules in force with the row of one code replaced; None takes back the built-in row."""
    return _publish(house, lambda before: _with(before, "declines", code, own), by)


def set_budgets(house: House, network: str, own: list[str] | None, *, by: str) -> Published:
    """Publish the rules in force with one network's budgets replaced; None takes back the built-in ones."""
    return _publish(house, lambda before: _with(before, "budgets", network, own), by)


def in_force(house: House) -> CardRules:
    """Return the newest version."""
    with house.store.read() as connection:
        return card_rules.newest(connection)


def undescribed(seen: list[Seen], rules: CardRules) -> list[Undescribed]:
    """Return the codes that no row describes, most frequent first."""
    counted: dict[tuple[str, str], int] = {}
    for one in seen:
        for field, code in _unknown_codes(one, rules):
            counted[field, code] = counted.get((field, code), 0) + one.count
    found = [Undescribed(field, code, count) for (field, code), count in counted.items()]
    return sorted(found, key=lambda one: (-one.count, one.field, one.code))


def _unknown_codes(one: Seen, rules: CardRules) -> list[tuple[str, str]]:
    networks = {network for network, field, _ in ROWS if field == "network_advice_code"} - {ANY}
    advises = (one.brand or "").lower() in networks
    known = (
        ("decline_code", one.decline_code, rules.table.row(one.decline_code)),
        ("advice_code", one.advice_code, bank_advice(one.advice_code)),
        ("network_status", one.network_status, network_status(one.network_status)),
        (
            "network_advice_code",
            one.network_advice_code if advises else None,
            network_advice(one.brand, one.network_advice_code),
        ),
    )
    return [(field, code) for field, code, row in known if code and row is None]


def _publish(house: House, change: Callable[[Document], Document], by: str) -> Published:
    """Publish what `change` makes of the newest document; once more when somebody else was faster."""
    while True:
        with house.store.write() as connection:
            before = card_rules.newest(connection)
            document = change(before.document)
            wrong = tuple(mistakes(document))
            if wrong or document == before.document:
                return Published(before.version, mistakes=wrong)
            number, now = before.version + 1, house.clock.now()
            if card_rules.publish(connection, number, document, at=now, by=by):
                about, (was, becomes) = f"card rules {number}", changed(before.document, document)
                act = "card_rules.publish"
                audit.append(connection, at=now, by=by, action=act, about=about, before=was, after=becomes)
                return Published(number, changed=True)


def _with(before: Document, part: str, key: str, own: Any) -> Document:
    rows = {**before.get(part, {}), key: own}
    if own is None:
        del rows[key]
    kept = {name: value for name, value in before.items() if name != part}
    return {**kept, part: rows} if rows else kept
