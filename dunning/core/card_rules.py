"""The merchant's card rules: own rows for decline codes, and own network budgets, one document a version.

A document holds only what differs from the built-in tables:

    [declines.do_not_honor]
    class = "soft_funds"            # a class of decline
    retries = 3                     # the most retries on the same card; absent: as the policy says
    words = "Half of these are empty accounts."

    [budgets]
    visa = ["20 in 30d"]            # tries per card and rolling window, in hours or days
    mastercard = ["10 in 24h", "35 in 30d"]

A published version is never changed. What a refusal was classified as stays; the next one is read by the
newest version. Advice of banks and networks outranks every row, and a code that is final can only be made
stricter: the networks charge for tries after "do not try again".
"""

import difflib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

from dunning.core.decline_table import BUILT_IN, NEVER_AGAIN, STOPPED, DeclineClass, DeclineRow, DeclineTable
from dunning.core.network_rules import BUDGETS, Budget, Budgets

CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
BUDGET: Final = re.compile(r"([1-9][0-9]{0,3}) in ([1-9][0-9]{0,2})([hd])")
CLASSES: Final = tuple(word.value for word in DeclineClass if word is not DeclineClass.UNKNOWN)
TOP: Final = ("declines", "budgets")
ROW: Final = ("class", "retries", "words")
WORDS_MOST: Final = 300
RETRIES_MOST: Final = 20
BUDGETS_MOST: Final = 4
# Those without a number of their own are held to `other`, until the merchant says more.
NETWORKS: Final = (
    *BUDGETS,
    *"jcb diners unionpay cartes_bancaires eftpos_au link paypal cashapp amazon_pay revolut_pay".split(),
)


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that cannot be meant: where (the keys that lead to it), and the rule it breaks."""

    path: tuple[str, ...]
    rule: str

    @property
    def field(self) -> str:
        """Return the place as one reads it in the file."""
        return ".".join(self.path)

    @property
    def sentence(self) -> str:
        """Return the place and the rule as one sentence."""
        return f"{self.field or 'the file'} {self.rule}{'' if self.rule.endswith('?') else '.'}"


@dataclass(frozen=True, slots=True, eq=False)
class CardRules:
    """One version: the table to read declines by, the budgets to keep, and the document they came from."""

    version: int
    document: Mapping[str, Any]
    table: DeclineTable
    budgets: Budgets


def load(document: Mapping[str, Any], version: int) -> CardRules:
    """Return the rules of a document that has no mistakes."""
    rows = [_row(code, own, version) for code, own in document.get("declines", {}).items()]
    table = BUILT_IN.replaced(rows) if rows else BUILT_IN
    own = {name: tuple(map(budget, spelt)) for name, spelt in document.get("budgets", {}).items()}
    return CardRules(version, document, table, MappingProxyType({**BUDGETS, **own}))


def budget(spelt: str) -> Budget:
    """Return the budget written as `15 in 30d`.

    Raises:
        ValueError: when it is written otherwise.
    """
    found = BUDGET.fullmatch(spelt)
    if found is None:
        raise ValueError(f"{spelt!r} is not written like 15 in 30d")
    unit = timedelta(hours=1) if found[3] == "h" else timedelta(days=1)
    return Budget(int(found[1]), int(found[2]) * unit)


def spelt(of: Budget) -> str:
    """Return a budget as `budget` reads it."""
    hours = int(of.window.total_seconds()) // 3600
    return f"{of.limit} in {hours // 24}d" if hours > 24 and hours % 24 == 0 else f"{of.limit} in {hours}h"


def mistakes(document: Any) -> Iterator[Mistake]:
    """Yield everything that keeps a document from being published."""
    if not isinstance(document, Mapping):
        yield Mistake((), "must be a table with declines and budgets")
        return
    yield from _unknown((), document, TOP)
    for name, each in (("declines", _decline_mistakes), ("budgets", _budget_mistakes)):
        part = document.get(name, {})
        if not isinstance(part, Mapping):
            yield Mistake((name,), "must be a table")
            continue
        for key, value in part.items():
            yield from each(key, value)


def _row(code: str, own: Mapping[str, Any], version: int) -> DeclineRow:
    before = BUILT_IN.row(code)
    decline_class = DeclineClass(own["class"])
    same = before is not None and before.decline_class is decline_class
    words = own.get("words") or (before.words_for_staff if before else _CLASS_OF_OWN)
    return DeclineRow(
        code=code,
        decline_class=decline_class,
        words_for_staff=words,
        hide_from_customer=before is not None and before.hide_from_customer,
        retries=own.get("retries", before.retries if same and before else _usual(decline_class)),
        final=decline_class in STOPPED or (before is not None and before.final),
        source=f"the merchant's card rules, version {version}",
    )


_CLASS_OF_OWN: Final = "This merchant's own rule says what it means."


def _usual(decline_class: DeclineClass) -> int | None:
    return 0 if decline_class in NEVER_AGAIN else None


def _decline_mistakes(code: str, own: Any) -> Iterator[Mistake]:
    path = ("declines", code)
    if not CODE.fullmatch(code):
        yield Mistake(path, "must be a code as Stripe spells it: lower-case letters, digits and _")
    if not isinstance(own, Mapping):
        yield Mistake(path, 'must be a table such as {class = "soft_funds"}')
        return
    yield from _unknown(path, own, ROW)
    if own.get("class") not in CLASSES:
        yield Mistake((*path, "class"), f"must be one of {', '.join(CLASSES)}")
        return
    decline_class, before = DeclineClass(own["class"]), BUILT_IN.row(code)
    if before is not None and before.final and decline_class not in NEVER_AGAIN:
        rule = f"must not allow retries: {code} is final, Stripe and the networks refuse or charge for them"
        yield Mistake((*path, "class"), rule)
    yield from _retries_mistakes(path, own, decline_class, before)
    words = own.get("words", "-")
    if not isinstance(words, str) or not 0 < len(words.strip()) <= WORDS_MOST:
        yield Mistake((*path, "words"), f"must be a text of 1 to {WORDS_MOST} characters")


def _retries_mistakes(
    path: tuple[str, ...], own: Mapping[str, Any], decline_class: DeclineClass, before: DeclineRow | None
) -> Iterator[Mistake]:
    if "retries" not in own:
        return
    found, most = own["retries"], RETRIES_MOST
    if decline_class in NEVER_AGAIN:  # but for the one late try of a card that the network may renew
        most = int(decline_class is DeclineClass.NEEDS_CARD and not (before is not None and before.final))
    if isinstance(found, bool) or not isinstance(found, int) or not 0 <= found <= most:
        rule = f"must be a whole number from 0 to {most}" if most else "must be 0 or left out"
        yield Mistake((*path, "retries"), f"{rule} with the class {decline_class}")


def _budget_mistakes(network: str, found: Any) -> Iterator[Mistake]:
    path = ("budgets", network)
    if network not in NETWORKS:
        yield Mistake(path, _meant(network, NETWORKS))
    if not isinstance(found, list) or not 0 < len(found) <= BUDGETS_MOST:
        yield Mistake(path, f'must be a list of 1 to {BUDGETS_MOST} budgets such as ["15 in 30d"]')
        return
    for one in found:
        if not isinstance(one, str) or not BUDGET.fullmatch(one):
            yield Mistake(path, f'has {one!r}, which must be written like "15 in 30d" or "10 in 24h"')


def _unknown(path: tuple[str, ...], values: Mapping[str, Any], known: Collection[str]) -> Iterator[Mistake]:
    for name in values:
        if name not in known:
            yield Mistake((*path, name), _meant(name, known))


def _meant(name: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return (
        f"is not known; did you mean {close[0]}?" if close else f"is not known; there are {', '.join(known)}"
    )


UNCHANGED: Final = load({}, 0)
