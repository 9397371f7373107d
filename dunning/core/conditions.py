"""Conditions over what is known when a recovery opens.

A condition names fields out of a closed set; those that it names must all hold, and the first rule whose
condition holds is the one. Whatever is chosen when a recovery opens is chosen by this language.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Protocol, Self, TypeVar

from dunning.core.vocabulary import InvoiceClass

LISTS: Final = ("invoice_class", "currency", "plan", "country", "account")
_SHAPES: Final = {
    "currency": (re.compile(r"[a-z]{3}"), "three small letters, such as eur"),
    "country": (re.compile(r"[A-Z]{2}"), "two capital letters, such as DE"),
    "account": (re.compile(r"self|acct_\w+"), "self, or acct_… of a connected account"),
    "invoice_class": (re.compile("|".join(InvoiceClass)), f"one of {', '.join(InvoiceClass)}"),
    "plan": (re.compile(r".+"), "the plan as the invoice names it"),
}


class NotUsable(ValueError):
    """A condition or a segment cannot work; the message is a sentence that names it and says why."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a failed invoice when its recovery opens; the amount is in minor units."""

    currency: str
    amount: int
    invoice_class: InvoiceClass = InvoiceClass.RENEWAL
    plan: str | None = None
    country: str | None = None  # the customer's, else the card's; ISO 3166, two capital letters
    account: str = "self"  # which account collects: the merchant's own, or a connected one
    livemode: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of a failed invoice; an empty list, or None, is a field that is not asked about.

    `amount_from` (included) and `amount_below` (not included) are minor units of the one currency named.
    """

    invoice_class: tuple[str, ...] = ()
    currency: tuple[str, ...] = ()
    plan: tuple[str, ...] = ()
    country: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    amount_from: int | None = None
    amount_below: int | None = None
    livemode: bool | None = None

    def holds(self, known: Known) -> bool:
        """Return whether every field that is asked about holds."""
        for name in LISTS:
            wanted = getattr(self, name)
            if wanted and getattr(known, name) not in wanted:
                return False
        if self.amount_from is not None and known.amount < self.amount_from:
            return False
        if self.amount_below is not None and known.amount >= self.amount_below:
            return False
        return self.livemode is None or self.livemode == known.livemode

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
        values |= {
            name: _minor_units(name, said[name]) for name in ("amount_from", "amount_below") if name in said
        }
        if "livemode" in said:
            values["livemode"] = _flag(said["livemode"])
        found = cls(**values)
        low, high = found.amount_from, found.amount_below
        if (low is not None or high is not None) and len(found.currency) != 1:
            raise NotUsable("An amount is minor units of one currency: name exactly one in `currency`.")
        if low is not None and high is not None and low >= high:
            raise NotUsable(f"No amount is from {low} and below {high}.")
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


def _words(name: str, said: Any) -> tuple[str, ...]:
    listed = said if isinstance(said, list | tuple) else [said]
    pattern, form = _SHAPES[name]
    for word in listed:
        if not isinstance(word, str) or not pattern.fullmatch(word):
            raise NotUsable(f"{word!r} cannot be a {name}: it is {form}.")
    return tuple(listed)


def _minor_units(name: str, said: Any) -> int:
    if isinstance(said, bool) or not isinstance(said, int) or said < 0:
        raise NotUsable(f"{name} is {said!r}: it is a whole number of minor units (5000 is 50.00 EUR).")
    return said


def _flag(said: Any) -> bool:
    if not isinstance(said, bool):
        raise NotUsable(f"livemode is {said!r}: it is true or false.")
    return said
