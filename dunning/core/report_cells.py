"""From the story of one recovery to the cells it adds to: pure, whole numbers, the same on every run.

A rollup is the sum of the cells of all recoveries. What a recovery adds is known from its story alone, so a
changed story is folded by taking away what the old one added and adding what the new one does.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dunning.core.network_rules import beyond_budget
from dunning.core.report_story import Moved, Story, Tried, Written
from dunning.core.report_words import (
    CREDITED_TO,
    DIMENSIONS,
    HORIZONS,
    LATER,
    TIME_BUCKETS,
    WITHIN,
    Subject,
)
from dunning.core.vocabulary import NETWORK_ANSWERED, OPEN, AttemptState, LedgerKind, MessageState, Status

VERSION: Final = 3  # of the cells that a story gives; another one has every recovery folded anew
NONE: Final = "none"
MONEY_IN: Final = frozenset({LedgerKind.RECOVERED, LedgerKind.REVERSAL})
BACK: Final = {
    LedgerKind.REFUND: "refunded",
    LedgerKind.DISPUTE: "disputed",
    LedgerKind.DISPUTE_REVERSAL: "disputed",
    LedgerKind.CREDIT_NOTE: "credited",
}
UNSENT: Final = frozenset({MessageState.SKIPPED, MessageState.FAILED})
Measured = dict[str, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number is counted; `day` is a day of the report's zone, as ISO text."""

    subject: Subject
    dimension: str
    key: str
    day: str
    currency: str
    livemode: bool
    imported: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of a story: its instant, what it measures, and its key in every dimension."""

    subject: Subject
    at: datetime
    measured: Measured
    keys: Mapping[str, str]
    charge_id: str | None = None


def cells(
    story: Story, zone: ZoneInfo, *, subject: Subject | None = None, dimension: str | None = None
) -> Iterator[tuple[Place, Measured]]:
    """Yield what a story adds, and where; all of it, or of one subject, or of one dimension of it."""
    for wanted in (subject,) if subject else tuple(Subject):
        dimensions = (dimension,) if dimension else DIMENSIONS[wanted]
        for fact in facts(story, wanted, zone):
            day = fact.at.astimezone(zone).date().isoformat()
            for name in dimensions:
                yield (
                    Place(wanted, name, fact.keys[name], day, story.currency, story.livemode, story.imported),
                    fact.measured,
                )


def added(total: dict[Place, Measured], found: Iterable[tuple[Place, Measured]], sign: int = 1) -> None:
    """Add cells to a sum, or take them away with `sign` -1."""
    for place, measured in found:
        sums = total.setdefault(place, {})
        for name, value in measured.items():
            sums[name] = sums.get(name, 0) + sign * value


def facts(story: Story, subject: Subject, zone: ZoneInfo) -> Iterator[Fact]:
    """Yield the facts of one subject; what measures nothing is left out."""
    yield from _FACTS[subject](story, zone)


def fates(story: Story) -> Measured:
    """Return how the opening amount is shared out: recovered, lost, stopped and open add up to failed.

    Of a recovered invoice the rest was given up (a credit before the payment), so it counts as stopped.
    """
    money = sum(entry.amount for entry in story.entries if entry.kind in MONEY_IN)
    rest = story.amount - money
    shares = {"failed": story.amount, "recovered": money, "lost": 0, "stopped": 0, "open": 0}
    if story.status in OPEN:
        shares["open"] = rest
    elif story.status is Status.LOST:
        shares["lost"] = rest
    else:
        shares["stopped"] = rest
    return shares


def _failures(story: Story, zone: ZoneInfo) -> Iterator[Fact]:
    settled = story.status is Status.RECOVERED
    measured = fates(story) | dict.fromkeys(("refunded", "disputed", "credited"), 0)
    measured |= {"count": 1, "recovered_count": int(settled), "open_count": int(story.status in OPEN)}
    for entry in story.entries:
        if entry.kind in BACK:
            measured[BACK[entry.kind]] -= entry.amount
        else:
            age = entry.at - story.failed_at
            for days, name in zip(HORIZONS, WITHIN, strict=True):
                if age <= timedelta(days=days):
                    measured[name] = measured.get(name, 0) + entry.amount
    measured["fees"] = sum(fee.amount for fee in story.fees)
    hours = _hours(story) if settled else None
    measured["hours"] = hours or 0
    keys = _of_recovery(story) | _moment(story.failed_at, zone)
    keys |= {"attempts": str(sum(one.state in NETWORK_ANSWERED for one in story.attempts))}
    keys |= {"time_to_recover": _bucket(hours), "ending": str(story.closed_reason or story.status)}
    yield Fact(Subject.FAILURES, story.failed_at, measured, keys)


def _cash(story: Story, zone: ZoneInfo) -> Iterator[Fact]:
    own, numbers = _of_recovery(story), _numbers(story)
    failed_day = story.failed_at.astimezone(zone).date().isoformat()
    for entry in story.entries:
        if entry.kind in BACK:
            measured = {BACK[entry.kind]: -entry.amount}
        else:
            paid = entry.kind is LedgerKind.RECOVERED
            measured = {"recovered": entry.amount, "recovered_count": int(paid)}
        reason = entry.reason or story.reason
        keys = own | _moment(entry.at, zone) | _credit(reason)
        keys |= {"attempt": numbers.get(entry.charge_id or "", NONE), "failed_day": failed_day}
        keys |= {"step": _step_before(story, entry)}
        yield Fact(Subject.CASH, entry.at, measured, keys, entry.charge_id)
    for fee in story.fees:
        keys = own | _moment(fee.at, zone) | {"attempt": NONE, "failed_day": failed_day, "step": NONE}
        yield Fact(Subject.CASH, fee.at, {"fees": fee.amount}, keys)


def _endings(story: Story, _zone: ZoneInfo) -> Iterator[Fact]:
    if story.closed_at is None:
        return
    shares = fates(story)
    given_up = int(story.status is not Status.RECOVERED)
    measured = {"count": given_up, "lost": shares["lost"], "stopped": shares["stopped"]}
    keys = _of_recovery(story) | {"ending": str(story.closed_reason or story.status)}
    yield Fact(Subject.ENDINGS, story.closed_at, measured, keys)


def _attempts(story: Story, zone: ZoneInfo) -> Iterator[Fact]:
    number, stopped, times = 0, set[str | None](), dict[str, list[datetime]]()
    for one in story.attempts:
        answered = one.state in NETWORK_ANSWERED
        if not answered and one.state is not AttemptState.NOT_SENT:
            continue
        number += answered
        paid = one.state is AttemptState.PAID
        measured = {"not_sent": 1}
        if answered:
            measured = {"tried": 1, "tried_amount": one.amount}
            measured |= {"paid": int(paid), "paid_amount": one.amount if paid else 0}
            before = times.setdefault(one.card, []) if one.card else []
            measured |= {"after_stop": int(one.card in stopped)}
            measured |= {"beyond_budget": int(beyond_budget(one.brand, before, one.at))}
            before.append(one.at)
            stopped |= {one.card} if one.stopped and one.card else set()
        keys = _of_attempt(story, one) | _moment(one.at, zone) | {"number": str(number) if answered else NONE}
        yield Fact(Subject.ATTEMPTS, one.at, measured, keys, one.charge_id)


def _messages(story: Story, _zone: ZoneInfo) -> Iterator[Fact]:
    last = _last_before(story, story.closed_at) if story.status is Status.RECOVERED else None
    money = sum(entry.amount for entry in story.entries if entry.kind in MONEY_IN)
    version = f"{story.campaign} {story.campaign_version}"
    for one in story.messages:
        sent = one.state is MessageState.SENT
        measured = {"messages": 1, "sent": int(sent), "unsent": int(one.state in UNSENT)}
        measured |= {"clicked": int(sent and one.used), "paid": int(one is last)}
        measured |= {"paid_amount": money if one is last else 0}
        keys = {"all": "all", "step": one.step, "campaign_version": version, "channel": one.channel}
        keys |= {"template": one.template, "decline_class": story.decline_class}
        yield Fact(Subject.MESSAGES, one.at, measured, keys)


_FACTS: Final[Mapping[Subject, Callable[[Story, ZoneInfo], Iterator[Fact]]]] = {
    Subject.FAILURES: _failures,
    Subject.CASH: _cash,
    Subject.ENDINGS: _endings,
    Subject.ATTEMPTS: _attempts,
    Subject.MESSAGES: _messages,
}


def _of_recovery(story: Story) -> dict[str, str]:
    card = next((one for one in story.attempts if one.brand), None)
    return {
        "all": "all",
        **_credit(story.reason),
        "decline_class": story.decline_class,
        "decline_code": story.decline_code or NONE,
        "invoice_class": story.invoice_class,
        "campaign": story.campaign,
        "campaign_version": f"{story.campaign} {story.campaign_version}",
        "brand": (card and card.brand) or NONE,
        "funding": (card and card.funding) or NONE,
        "country": (card and card.country) or NONE,
        "plan": story.plan or NONE,
        "segment": story.segment or NONE,
    }


def _of_attempt(story: Story, one: Tried) -> dict[str, str]:
    return {
        "all": "all",
        "made_by": str(one.made_by),
        "decline_class": one.decline_class or NONE,
        "decline_code": one.decline_code or NONE,
        "brand": one.brand or NONE,
        "funding": one.funding or NONE,
        "country": one.country or NONE,
        "invoice_class": story.invoice_class,
        "plan": story.plan or NONE,
        "segment": story.segment or NONE,
        "policy_version": str(one.policy_version or NONE),
    }


def _credit(reason: object) -> dict[str, str]:
    group = next((group for name, group in CREDITED_TO.items() if name == reason), NONE)
    return {"reason": str(reason or NONE), "credited_to": group}


def _moment(at: datetime, zone: ZoneInfo) -> dict[str, str]:
    local = at.astimezone(zone)
    return {"hour": f"{local.hour:02d}", "weekday": str(local.isoweekday())}


def _numbers(story: Story) -> dict[str, str]:
    """Return which try of its invoice each charge was, counted from 1 over everybody's tries."""
    answered = [one for one in story.attempts if one.state in NETWORK_ANSWERED]
    return {one.charge_id: str(number) for number, one in enumerate(answered, 1) if one.charge_id}


def _hours(story: Story) -> int | None:
    paid = [entry.at for entry in story.entries if entry.kind is LedgerKind.RECOVERED]
    return int((max(paid) - story.failed_at).total_seconds()) // 3600 if paid else None


def _bucket(hours: int | None) -> str:
    if hours is None:
        return NONE
    return next((name for limit, name in TIME_BUCKETS if hours < limit), LATER)


def _step_before(story: Story, entry: Moved) -> str:
    last = _last_before(story, entry.at) if entry.kind in MONEY_IN else None
    return last.step if last else NONE


def _last_before(story: Story, at: datetime | None) -> Written | None:
    sent = [one for one in story.messages if one.state is MessageState.SENT and (at is None or one.at <= at)]
    return max(sent, key=lambda one: one.at, default=None)
