"""What is to come if nobody pays: retries and messages in one list, each with its date and what moved it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dunning.core.course import Planned, Retry
from dunning.core.sending import Moved
from dunning.core.vocabulary import Channel

MOVED_WORDS = {
    Moved.QUIET_HOURS: "moved by quiet hours",
    Moved.WEEKEND: "moved by the weekend",
    Moved.HOLIDAY: "moved by a holiday",
    Moved.DAY_CAP: "moved by the cap for a day",
    Moved.WEEK_CAP: "moved by the cap for a week",
    Moved.RETRY: "brought forward, before what it announces",
}


@dataclass(frozen=True, slots=True)
class Coming:
    """One line: a retry (without a step), or a message; `note` says why it would not go out."""

    at: datetime
    kind: str  # retry, message
    step: str = ""
    channel: str = ""
    template: str = ""
    condition: str = ""
    moved: tuple[str, ...] = ()
    note: str = ""
    sure: bool = True  # False: only if the retries before it fail

    @property
    def why(self) -> str:
        """Return what moved it, as a clause for people; empty where nothing did."""
        return moved_words(self.moved)


@dataclass(frozen=True, slots=True)
class Expected:
    """A retry with the planner's sentence; `sure` has a date, the others come only if those before fail."""

    retry: Retry
    reason: str
    sure: bool


def outlook(retries: Sequence[Expected], planned: Sequence[Planned], course_sure: int) -> list[Coming]:
    """Return both in one list, oldest first; `course_sure` is how many retries have a date or have been."""
    sure = {one.retry.occurrence for one in retries[:course_sure]}
    hoped = {one.retry.occurrence for one in retries} - sure
    lines = [Coming(one.retry.at, "retry", note=one.reason, sure=one.sure) for one in retries]
    lines += [_message(one, sure=one.occurrence not in hoped) for one in planned]
    return sorted(lines, key=lambda line: (line.at, line.kind))


def moved_words(moved: Sequence[str]) -> str:
    """Return what moved a message, as a clause for people."""
    return ", ".join(MOVED_WORDS[Moved(why)] for why in moved)


def _message(one: Planned, *, sure: bool) -> Coming:
    step = one.step
    return Coming(
        at=one.due_at,
        kind="message",
        step=step.key,
        channel=str(step.channel),
        template=step.template or ("call" if step.channel == Channel.CALL else ""),
        condition=_condition(one),
        moved=tuple(str(why) for why in one.moved),
        note=one.why_not or "",
        sure=sure,
    )


def _condition(one: Planned) -> str:
    step = one.step
    said = [step.condition.value.replace("_", " ")]
    if not step.only.empty:
        said.append(step.only.words())
    if step.approval:
        said.append("staff approve it")
    return ", ".join(said)
