"""What an action takes: the fields of a dataclass, their types and their limits are the whole schema."""

import dataclasses
from collections.abc import Iterator
from dataclasses import MISSING, dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
UNCHANGED: Any = object()  # the default of a setting that stays as it is unless it is given
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false"}


@dataclass(frozen=True, slots=True)
class Limits:
    """The least and the most that a number may be; None means any."""

    least: float | None = None
    most: float | None = None

    def hold(self, value: Any) -> bool:
        """Say whether a number keeps them."""
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        if self.most is None:
            return f"at least {self.least:g}"
        return f"{self.least or 0:g} to {self.most:g}"


@dataclass(frozen=True, slots=True)
class Refers:
    """Marks an option that names an object: by id, or in a script by the `as` of an earlier step."""

    to: str


Amount = Annotated[int, Limits(1)]
Hours = Annotated[float, Limits(0)]
Seconds = Annotated[float, Limits(0)]
Share = Annotated[float, Limits(0, 1)]
InvoiceId = Annotated[str, Refers("invoice")]
CustomerId = Annotated[str, Refers("customer")]
PaymentMethodId = Annotated[str, Refers("payment_method")]


@dataclass(frozen=True, slots=True)
class Option:
    """One option as the documentation shows it."""

    name: str
    type: str
    default: str
    says: str


def read(kind: type[T], given: dict[str, Any]) -> T:
    """Return the options given, as an instance of `kind`.

    Raises:
        ValueError: for a name nobody knows, one that is missing, or a value that does not fit; the sentence
            says which, and what would do.
    """
    hints = _hints(kind)
    for name in given:
        if name not in hints:
            raise ValueError(_unknown(name, hints))
    for field in dataclasses.fields(kind):  # type: ignore[arg-type] # every kind is a dataclass
        if field.name not in given and field.default is MISSING and field.default_factory is MISSING:
            raise ValueError(f"{field.name} is missing: it takes {_words(hints[field.name])}")
    for name, value in given.items():
        if not _fits(value, hints[name]):
            raise ValueError(f"{name} = {value!r} does not fit: it takes {_words(hints[name])}")
    return kind(**given)


def described(kind: type) -> Iterator[Option]:
    """Yield the options of a kind, in their order."""
    for field in dataclasses.fields(kind):
        hint = _hints(kind)[field.name]
        required = field.default is MISSING and field.default_factory is MISSING
        yield Option(field.name, _words(hint), "required" if required else _shown(field.default), _says(hint))


def references(kind: type) -> dict[str, str]:
    """Return the options that name objects, each with what it names."""
    return {name: found for name, hint in _hints(kind).items() if (found := _refers(hint))}


def _hints(kind: type) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _unknown(name: str, known: dict[str, Any]) -> str:
    if not known:
        return f"there is no option {name}: it takes none"
    near = get_close_matches(name, known, 1)
    return f"there is no option {name}: " + (
        f"perhaps {near[0]} is meant" if near else f"choose from {', '.join(known)}"
    )


def _fits(value: Any, hint: Any) -> bool:
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return _fits(value, inside[0]) and all(
            one.hold(value) for one in inside[1:] if isinstance(one, Limits)
        )
    if origin in {Union, UnionType}:
        return any(_fits(value, one) for one in inside)
    if origin is Literal:
        return isinstance(value, str) and value in inside
    if origin is list:
        return isinstance(value, list) and all(_fits(one, inside[0]) for one in value)
    if hint in {int, float}:
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return isinstance(value, hint)


def _words(hint: Any) -> str:
    origin, inside = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if (named := _refers(hint)) is not None:
            return f"{named.replace('_', ' ')} id"
        limits = [str(one) for one in inside[1:] if isinstance(one, Limits)]
        return ", ".join([_words(inside[0]), *limits])
    if origin in {Union, UnionType}:
        return " or ".join(_words(one) for one in inside if one is not NoneType)
    if origin is Literal:
        return " or ".join(f"`{one}`" for one in inside)
    if origin is list:
        return f"list of {_words(inside[0])}"
    return _WORDS[hint]


def _says(hint: Any) -> str:
    return next((one for one in get_args(hint)[1:] if isinstance(one, str)), "")


def _refers(hint: Any) -> str | None:
    for one in get_args(hint):
        if isinstance(one, Refers):
            return one.to
        if found := _refers(one):
            return found
    return None


def _shown(default: Any) -> str:
    if default is None:
        return "none"
    if default is UNCHANGED:
        return "unchanged"
    if isinstance(default, bool):
        return "true" if default else "false"
    return str(default) or "empty"
