"""The course of a recovery as its campaign sees it: which step is meant for when, and what moves it.

A step means one message, or one for every retry that it follows or announces: its occurrence.
"""

import heapq
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Final

from dunning.core.campaign import BACKWARDS, Anchor, Campaign, Step
from dunning.core.sending import Due, Moved, Sending, due, due_before
from dunning.core.vocabulary import Channel, Recipient

ONCE: Final = "0"  # the occurrence of a step that comes once
NO_TIME: Final = "No time is left for it before what it announces."
AFTERWARDS: Final = "It would come after the window has ended."
COLLAPSED: Final = "A newer message of the campaign is due as well, or has gone: only the newest goes out."
UNTIMED: Final = frozenset({Channel.IN_APP, Channel.WEBHOOK})  # nobody is disturbed by them
NOTED: Final = frozenset({Channel.EMAIL, Channel.SMS})  # what the caps of an address count


@dataclass(frozen=True, slots=True)
class Retry:
    """One retry: that failed, or that has a date; `occurrence` is its ordinal, or the attempt's id."""

    at: datetime
    occurrence: str


@dataclass(frozen=True, slots=True)
class Course:
    """What the steps of a campaign count from; instants are aware."""

    opened_at: datetime
    invoice_due_at: datetime
    deadline: datetime
    failed: tuple[Retry, ...] = ()
    coming: tuple[Retry, ...] = ()


@dataclass(frozen=True, slots=True)
class Meant:
    """A step with the time that it means; `before` is what it must not come after."""

    step: Step
    occurrence: str
    at: datetime
    before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """A message with its date and what moved it there; `why_not` where it cannot go out at all."""

    step: Step
    occurrence: str
    due_at: datetime
    moved: tuple[Moved, ...] = ()
    why_not: str | None = None


def meant(campaign: Campaign, course: Course, arm: str | None = None) -> Iterator[Meant]:
    """Yield every message that the steps of an arm mean for this course, step by step."""
    for step in campaign.steps_of(arm):
        for at, occurrence in _anchors(step.anchor, course):
            if step.anchor in BACKWARDS:
                yield Meant(step, occurrence, at - step.offset, before=at)
            else:
                yield Meant(step, occurrence, at + step.offset)


def placed(one: Meant, zone: tzinfo, sending: Sending, *, now: datetime | None = None) -> Planned:
    """Return a message with its date: in the customer's daytime, before what it announces; from `now` on."""
    wish = one.at if now is None else max(one.at, now)
    if one.step.channel in UNTIMED:
        return Planned(one.step, one.occurrence, wish)
    if one.before is None:
        found: Due | None = due(wish, zone, sending)
    else:
        found = due_before(wish, one.before, zone, sending) if wish < one.before else None
    if found is None or (now is not None and found.at < now):
        return Planned(one.step, one.occurrence, wish, why_not=NO_TIME)
    return Planned(one.step, one.occurrence, found.at, found.moved)


def put_off(
    at: datetime,
    before: datetime | None,
    zone: tzinfo,
    sending: Sending,
    sent: Sequence[datetime],
) -> Due | None:
    """Return when a message that is due at `at` may go out after all; None when that would be too late."""
    found = due(at, zone, sending, sent)
    return found if before is None or found.at < before else None


def plan(
    campaign: Campaign,
    course: Course,
    zone: tzinfo,
    sending: Sending,
    *,
    arm: str | None = None,
    sent: Sequence[datetime] = (),
    gone: Collection[tuple[str, str]] = (),
    now: datetime | None = None,
) -> list[Planned]:
    """Return the dated plan of a course, oldest first, if nobody pays; the caps are kept as the clock does.

    Each address has its own caps. `sent` is when the customer's was written to before, `gone` are the steps
    with their occurrences that are done with; the plan begins at `now`, or at the opening.
    """
    wishes = [one for one in meant(campaign, course, arm) if (one.step.key, one.occurrence) not in gone]
    first = [placed(one, zone, sending, now=now or course.opened_at) for one in wishes]
    waiting = [(one.due_at, number) for number, one in enumerate(first) if one.why_not is None]
    heapq.heapify(waiting)
    before = {(Channel.EMAIL, Recipient.CUSTOMER): list(sent)}
    while waiting:
        at, number = heapq.heappop(waiting)
        one = first[number]
        if one.step.channel not in NOTED:
            continue
        to_it = before.setdefault((one.step.channel, one.step.recipient), [])
        later = put_off(at, wishes[number].before, zone, sending, to_it)
        if later is None:
            first[number] = replace(one, why_not=NO_TIME)
        elif later.at > at:
            moved = tuple(dict.fromkeys((*one.moved, *later.moved)))
            first[number] = replace(one, due_at=later.at, moved=moved)
            heapq.heappush(waiting, (later.at, number))
        else:
            to_it.append(at)
    late = [
        replace(one, why_not=AFTERWARDS) if one.why_not is None and one.due_at >= course.deadline else one
        for one in first
    ]
    return sorted(late, key=lambda one: one.due_at)


def _anchors(anchor: Anchor, course: Course) -> Iterator[tuple[datetime, str]]:
    match anchor:
        case Anchor.OPENED:
            yield course.opened_at, ONCE
        case Anchor.INVOICE_DUE:
            yield course.invoice_due_at, ONCE
        case Anchor.LAST_CHANCE:
            yield course.deadline, ONCE
        case Anchor.AFTER_RETRY:
            yield from ((retry.at, retry.occurrence) for retry in course.failed)
        case Anchor.BEFORE_RETRY:
            yield from ((retry.at, retry.occurrence) for retry in course.coming)
