"""A past that nobody played: charges, invoices and their payments as a business of some years would have.

Only the outline of each bill is made up and kept; its objects are rendered when somebody asks for them, and
those that may still change (what is open or written off) are put among the living at once.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

from dunning.sandbox import chance
from dunning.sandbox.options import Amount, Limits, Share
from dunning.sandbox.state import Obj, World

_DAY = 86400
_BEFORE_S = 7200
_MOST = 1_000_000
_CODES = (
    ("insufficient_funds", 0.55),
    ("do_not_honor", 0.13),
    ("generic_decline", 0.12),
    ("expired_card", 0.08),
    ("try_again_later", 0.05),
    ("lost_card", 0.03),
    ("highest_risk_level", 0.04),
)
_GAPS_DAYS = (2.1, 3.4, 3.2, 4.9)
_ALONE, _MARKED_PAID, _VOIDED, _WRITTEN_OFF, _BY_HAND, _RENEWED = 0.03, 0.03, 0.06, 0.2, 0.06, 0.08
_QUIET_DAYS = 40  # what is closed ended before the present, and what is open failed in the last days of it


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much past there is."""

    charges: Annotated[Amount, "how many in all"]
    days: Annotated[Annotated[int, Limits(1)], "how long, up to the sandbox's first living object"] = 365
    open: Annotated[Annotated[int, Limits(0)], "invoices still unpaid, that failed in the last ten days"] = 0
    customers: Annotated[Annotated[int, Limits(1)] | None, "how many; none: as fits the charges"] = None
    fail_share: Annotated[Share, "how many of the other invoices failed at first"] = 0.12


@dataclass(frozen=True, slots=True)
class Story:
    """One bill: its tries (Unix second, decline code or None when paid), and how it ended.

    `by_hand`: the last try was somebody's own, not Stripe's; `renewed`: the network renewed the card before
    the last try; `alone`: a payment without an invoice.
    """

    number: int
    owner: int
    created: int
    amount: int
    tries: tuple[tuple[int, str | None], ...]
    status: str
    ended: int | None = None
    by_hand: bool = False
    renewed: bool = False
    alone: bool = False

    @property
    def paid(self) -> bool:
        """Return whether a charge paid it."""
        return self.tries[-1][1] is None


def imagine(world: World, wanted: Wanted) -> list[Story]:
    """Return the bills, oldest first, with exactly the wanted number of charges.

    Raises:
        ValueError: the numbers cannot be meant.
    """
    if not 0 < wanted.charges <= _MOST or not 0 <= wanted.open <= wanted.charges or wanted.days < 1:
        raise ValueError(f"charges must be 1 to {_MOST}, open at most as many, days 1 or more")
    until = _until(world)
    fates = list(_fates(world, wanted))
    start, quiet = until - wanted.days * _DAY, min(_QUIET_DAYS, wanted.days // 2) * _DAY
    step = (until - quiet - start) / max(len(fates), 1)
    closed = [_closed(world, wanted, n, int(start + n * step), codes) for n, codes in enumerate(fates)]
    first = until - min(10, wanted.days) * _DAY
    gap = (until - first) / max(wanted.open, 1)
    still = [_open(world, wanted, len(fates) + n, int(first + n * gap)) for n in range(wanted.open)]
    return [*closed, *still]


def _until(world: World) -> int:
    """Return the second at which the past ends: before anything that lives."""
    made: list[int] = [
        one["created"] for name in ("charges", "invoices") for one in world.tables[name].values()
    ]
    return min([world.stamp(), *made]) - _BEFORE_S


def _fates(world: World, wanted: Wanted) -> Iterator[tuple[str | None, ...]]:
    """Yield what each bill's tries met, until the charges are used up."""
    left, number = wanted.charges - wanted.open, 0
    while left > 0:
        codes = _fate(world, number, wanted.fail_share)[:left]
        yield codes
        left -= len(codes)
        number += 1


def _fate(world: World, number: int, fail_share: float) -> tuple[str | None, ...]:
    seed = (world.seed, "past", number)
    if chance.uniform(*seed, "fails") >= fail_share:
        return (None,)
    code = chance.pick(_CODES, *seed, "code")
    failures = 1 + int(4 * chance.uniform(*seed, "failures") ** 2)
    recovers = code not in {"lost_card", "highest_risk_level"} and chance.uniform(*seed, "recovers") < 0.6
    return (code,) * failures + ((None,) if recovers else ())


def _closed(world: World, wanted: Wanted, number: int, created: int, codes: tuple[str | None, ...]) -> Story:
    seed = (world.seed, "past", number)
    tries = tuple(zip(_moments(seed, created, len(codes)), codes, strict=True))
    last, paid = tries[-1][0], codes[-1] is None
    alone = len(codes) == 1 and chance.uniform(*seed, "alone") < _ALONE
    status = "paid" if paid else _unpaid_end(seed)
    return Story(
        number,
        int(chance.uniform(*seed, "owner") * _owners(wanted)),
        created,
        _amount(seed),
        tries,
        status,
        last if paid else last + 6 * _DAY,
        by_hand=paid and len(codes) > 1 and chance.uniform(*seed, "by hand") < _BY_HAND,
        renewed=paid and len(codes) > 1 and chance.uniform(*seed, "renewed") < _RENEWED,
        alone=alone,
    )


def _open(world: World, wanted: Wanted, number: int, created: int) -> Story:
    seed = (world.seed, "past", number)
    code = chance.pick(_CODES, *seed, "code")
    owner = int(chance.uniform(*seed, "owner") * _owners(wanted))
    return Story(number, owner, created, _amount(seed), ((created + 60, code),), "open")


def _moments(seed: tuple[object, ...], created: int, count: int) -> list[int]:
    at, found = created + 60, []
    for number in range(count):
        found.append(at)
        at += int((_GAPS_DAYS[number % len(_GAPS_DAYS)] + chance.uniform(*seed, "gap", number)) * _DAY)
    return found


def _unpaid_end(seed: tuple[object, ...]) -> str:
    roll = chance.uniform(*seed, "end")
    if roll < _MARKED_PAID:
        return "paid"  # marked as paid outside Stripe
    if roll < _MARKED_PAID + _VOIDED:
        return "void"
    return "uncollectible" if roll < _MARKED_PAID + _VOIDED + _WRITTEN_OFF else "open"


def _amount(seed: tuple[object, ...]) -> int:
    return chance.pick(((900, 0.36), (2900, 0.38), (7900, 0.18), (24000, 0.08)), *seed, "amount")


def _owners(wanted: Wanted) -> int:
    return wanted.customers or max(wanted.charges // 12, 1)


def counts(stories: list[Story]) -> Obj:
    """Return the truth about a past: how many charges, and what became of the invoices that failed."""
    failed = [one for one in stories if one.tries[0][1] is not None and not one.alone]
    return {
        "charges": sum(len(one.tries) for one in stories),
        "invoices": sum(not one.alone for one in stories),
        "invoices_failed": len(failed),
        "charges_on_failed_invoices": sum(len(one.tries) for one in failed),
        "recovered": sum(one.status == "paid" for one in failed),
        "recovered_outside_stripe": sum(one.status == "paid" and not one.paid for one in failed),
        "stopped": sum(one.status in {"void", "uncollectible"} for one in failed),
        "open": sum(one.status == "open" for one in failed),
    }
