"""Conditions over what is known when a recovery opens.

A condition names fields out of a closed set; those that it names must all hold, and the first rule whose
condition holds is the one. Whatever is chosen when a recovery opens is chosen by this language.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final, Protocol, Self, TypeVar

from dunning.core.declines import DeclineClass
from dunning.core.vocabulary import InvoiceClass

LISTS: Final = (
    "invoice_class", "currency", "plan", "country", "account", "decline_class", "decline_code", "interval"
)  # fmt: skip
RANGES: Final = {"amount": "amount", "tenure": "tenure_days", "value": "paid_before"}  # by what they look at
FLAGS: Final = ("by_hand", "livemode")
INTERVALS: Final = {"day": 2, "week": 10, "month": 45, "quarter": 135, "year": 550}  # up to so many days
_MONEY: Final = ("amount", "value")
_BOUNDS: Final = tuple(f"{name}_{end}" for name in RANGES for end in ("from", "below"))
_SHAPES: Final = {
    "currency": (re.compile(r"[a-z]{3}"), "three small letters, such as eur"),
    "country": (re.compile(r"[A-Z]{2}"), "two capital letters, such as DE"),
    "account": (re.compile(r"self|acct_\w+"), "self, or acct_… of a connected account"),
    "invoice_class": (re.compile("|".join(InvoiceClass)), f"one of {', '.join(InvoiceClass)}"),
    "plan": (re.compile(r".+"), "the plan as the invoice names it"),
    "decline_class": (re.compile("|".join(DeclineClass)), f"one of {', '.join(DeclineClass)}"),
    "decline_code": (re.compile(r"[a-z0-9_]+"), "a decline code as Stripe spells it, such as expired_card"),
    "interval": (re.compile("|".join(INTERVALS)), f"one of {', '.join(INTERVALS)}"),
}


class NotUsable(ValueError):
    """A condition or a segment cannot work; the message is a sentence that names it and says why."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a failed invoice when its recovery opens; money is in minor units of its currency."""

    currency: str
    amount: int
    invoice_class: InvoiceClass = InvoiceClass.RENEWAL
    plan: str | None = None
    country: str | None = None  # the customer's, else the card's; ISO 3166, two capital letters
    account: str = "self"  # which account collects: the merchant's own, or a connected one
    livemode: bool = False
    decline_class: DeclineClass | None = None
    decline_code: str | None = None
    interval: str | None = None  # how long a period is that the invoice bills
    tenure_days: int | None = None  # since the customer came
    paid_before: int | None = None  # by the customer, as far as we have seen
    by_hand: bool = False  # sent to be paid, never charged

    def dumps(self) -> dict[str, Any]:
        """Return what is known, JSON-ready."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def loads(cls, said: Mapping[str, Any]) -> Self:
        """Return what `dumps` wrote."""
        words: dict[str, Any] = {"invoice_class": InvoiceClass(said["invoice_class"])}
        if said.get("decline_class"):
            words["decline_class"] = DeclineClass(said["decline_class"])
        return cls(**{**said, **words})


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a failed invoice; an empty list, or None, is a field that is not asked about.

    `…_from` is included, `…_below` is not. `amount` and `value` (what the customer has paid before) are minor
    units of the one currency named, `tenure` is days. What is not known is never within bounds.
    """

    invoice_class: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    decline_class: tuple[str, ...] = ()
    decline_code: tuple[str, ...] = ()
    interval: tuple[str, ...] = ()
    amount_from: int | None = None
    amount_below: int | None = None
    tenure_from: int | None = None
    tenure_below: int | None = None
    value_from: int | None = None
    value_below: int | None = None
    by_hand: bool | None = None
    livemode: bool | None = None

    def holds(self, known: Known) -> bool:
        """Return whether every field that is asked about holds."""
        for name in LISTS:
            wanted = getattr(self, name)
            if wanted and getattr(known, name) not in wanted:
                return False
        if not all(self._within(name, getattr(known, of)) for name, of in RANGES.items()):
            return False
        return all(getattr(self, name) in {None, getattr(known, name)} for name in FLAGS)

    def _within(self, name: str, value: int | None) -> bool:
        low, high = getattr(self, f"{name}_from"), getattr(self, f"{name}_below")
        if low is None and high is None:
            return True
        return value is not None and (low is None or value >= low) and (high is None or value < high)

    @property
    def empty(self) -> bool:
        """Return whether nothing is asked, so that every invoice fits."""
        return self == Condition()

    def words(self) -> str:
        """Return the condition as people read it."""
        said = {
            name: " or ".join(value) if isinstance(value, list) else str(value).lower()
            for name, value in self.dumps().items()
        }
        return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in said.items()) or "always"

    def dumps(self) -> dict[str, Any]:
        """Return the fields that are asked about, JSON-ready."""
        said = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in said.items()
            if value not in ((), None)
        }

    @classmethod
    def loads(cls, said: Mapping[str, Any]) -> Self:
        """Return the condition that a file or `dumps` says; one word may stand for a list of one.

        Raises:
            NotUsable: a field is unknown, or a value cannot be one of its field.
        """
        known = [f.name for f in fields(cls)]
        for name in said:
            if name not in known:
                raise NotUsable(f"{name!r} is not a field; the fields are {', '.join(known)}.")
        values: dict[str, Any] = {name: _words(name, said[name]) for name in LISTS if name in said}
        values |= {name: _number(name, said[name]) for name in _BOUNDS if name in said}
        values |= {name: _flag(name, said[name]) for name in FLAGS if name in said}
        found = cls(**values)
        for name in RANGES:
            _check_bounds(found, name)
        return found


class Rule(Protocol):
    """Anything that applies where a condition holds."""

    @property
    def when(self) -> Condition:
        """Return the condition."""
        ...


R = TypeVar("R", bound=Rule)


def first_match(rules: Iterable[R], known: Known) -> R | None:
    """Return the first rule whose condition holds, or None."""
    return next((rule for rule in rules if rule.when.holds(known)), None)


def interval_of(start: datetime | None, end: datetime | None) -> str | None:
    """Return the word for the length of a billed period; None for no period, or one beyond any word."""
    if start is None or end is None or end <= start:
        return None
    days = (end - start).days
    return next((word for word, most in INTERVALS.items() if days < most), None)


def _check_bounds(found: Condition, name: str) -> None:
    low, high = getattr(found, f"{name}_from"), getattr(found, f"{name}_below")
    if name in _MONEY and (low is not None or high is not None) and len(found.currency) != 1:
        said = "An amount" if name == "amount" else "A value"
        raise NotUsable(f"{said} is minor units of one currency: name exactly one in `currency`.")
    if low is not None and high is not None and low >= high:
        raise NotUsable(f"No {name} is from {low} and below {high}.")


def _words(name: str, said: Any) -> tuple[str, ...]:
    listed = said if isinstance(said, list | tuple) else [said]
    pattern, form = _SHAPES[name]
    for word in listed:
        if not isinstance(word, str) or not pattern.fullmatch(word):
            raise NotUsable(f"{word!r} cannot be a {name}: it is {form}.")
    return tuple(listed)


def _number(name: str, said: Any) -> int:
    if isinstance(said, bool) or not isinstance(said, int) or said < 0:
        unit = "days" if name.startswith("tenure") else "minor units (5000 is 50.00 EUR)"
        raise NotUsable(f"{name} is {said!r}: it is a whole number of {unit}.")
    return said


def _flag(name: str, said: Any) -> bool:
    if not isinstance(said, bool):
        raise NotUsable(f"{name} is {said!r}: it is true or false.")
    return said
