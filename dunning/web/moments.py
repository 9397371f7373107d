"""A recovery's story as a timeline: what is to come first and dimmed, then the past, newest first."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dunning.core.declines import BUILT_IN, DeclineTable
from dunning.core.outlook import moved_words
from dunning.core.vocabulary import OPEN, AttemptState, Channel, LedgerKind, MessageState, Status
from dunning.store.timeline import Story
from dunning.web import words
from dunning.web.words import Say, in_english

LEDGER_TITLES = {
    LedgerKind.REFUND: "Refunded",
    LedgerKind.DISPUTE: "Withdrawn by a dispute",
    LedgerKind.DISPUTE_REVERSAL: "Dispute won: the money came back",
    LedgerKind.CREDIT_NOTE: "Credit note",
    LedgerKind.REVERSAL: "Payment reversed",
}

FIELDS = {
    "decline_code": "decline code",
    "advice_code": "advice code",
    "network_advice_code": "network advice code",
    "network_decline_code": "network decline code",
    "charge_id": "charge",
    "request_id": "request",
}
Written = Callable[[int, str], str]  # an amount in minor units and its currency, as a reader writes it
TOLD_BY_ATTEMPTS = frozenset({"An attempt began."})  # the attempt has an entry of its own


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry: `kind` is payment, message, note or money; `whose` says who acted."""

    at: datetime
    kind: str
    icon: str
    tone: str
    title: str
    whose: str = ""
    english: str = ""  # what the core says, in English whoever reads
    body: str = ""
    details: tuple[tuple[str, str], ...] = ()  # (name, value) pairs such as request ids
    message_id: str | None = None
    future: bool = False


def moments(
    story: Story,
    *,
    now: datetime,
    tables: Mapping[int, DeclineTable],
    t: Say = in_english,
    money: Written = words.money,
) -> list[Moment]:
    """Return the timeline; instants are aware UTC. `tables`: by version, what refusals were read by."""
    coming = sorted(_coming(story, now, t), key=lambda moment: moment.at, reverse=True)
    past = [*_attempts(story, tables, t), *_messages(story, t), *_notes(story), *_ledger(story, t, money)]
    past.reverse()  # of one instant, the money stands above the attempt that brought it
    past.sort(key=lambda moment: moment.at, reverse=True)
    return [*coming, *past]


def next_step(row: Any, *, now: datetime, t: Say = in_english) -> tuple[str, datetime | None, str]:
    """Return what happens next to a recovery: (what, when, because); the last in English.

    `row` has a recovery's columns, `plan_reason` and `stripe_next_attempt_at`.
    """
    match row["status"]:
        case Status.SCHEDULED:
            reason = None if row["staff_request"] else row["plan_reason"]
            return t("Retry"), row["next_attempt_at"], reason or row["why"]
        case Status.ATTEMPTING if row["abandoned"]:
            return t("A person must conclude the last charge"), None, row["why"]
        case Status.ATTEMPTING:
            return t("Asking the bank now"), None, row["why"]
        case Status.WAITING:
            return t("Only the customer can help"), None, row["why"]
        case Status.PAUSED:
            return t("Paused until"), row["pause_until"], row["pause_reason"] or row["why"]
        case Status.WATCHING:
            due = row["stripe_next_attempt_at"]
            coming = due if due and due > now else None
            return t("Stripe retries") if coming else t("Stripe decides"), coming, row["why"]
        case Status.RECOVERED:
            credit = words.REASON.get(row["reason"] or "", "")
            return t("Paid"), row["closed_at"], f"{credit}, after it was given up" if row["late"] else credit
    return _ended(row, t)


def _ended(row: Any, t: Say) -> tuple[str, datetime | None, str]:
    word = t(words.STATUS[row["status"]][0])
    return word, row["closed_at"], words.CLOSED_REASON.get(row["closed_reason"] or "", row["why"])


def _coming(story: Story, now: datetime, t: Say) -> Iterator[Moment]:
    recovery = story.recovery
    if recovery["status"] not in OPEN:
        return
    if recovery["status"] is Status.SCHEDULED:
        title = t("Retry by staff") if recovery["staff_request"] else t("Our next retry")
        yield Moment(recovery["next_attempt_at"], "payment", "clock", "info", title, future=True)
    yield Moment(
        recovery["deadline"],
        "note",
        "flag",
        "mute",
        t("The recovery window ends"),
        future=recovery["deadline"] > now,
    )
    yield from _messages_to_come(story, now, t)


def _messages_to_come(story: Story, now: datetime, t: Say) -> Iterator[Moment]:
    for message in story.messages:
        if message["state"] is not MessageState.PLANNED:
            continue
        put_off = message["ring_at"] or message["due_at"]
        at = max(message["due_at"], put_off) if put_off > now else message["due_at"]
        moved = moved_words(message["moved"] or ())
        waits = message["awaits_since"] is not None
        yield Moment(
            at,
            "message",
            "mail",
            "warn" if waits else "mute",
            _titled(message, t),
            english="" if waits else moved[:1].upper() + moved[1:],
            body=t("Waits until staff approve it.") if waits else "",
            message_id=message["id"] if waits else None,
            future=True,
        )


def _attempts(story: Story, tables: Mapping[int, DeclineTable], t: Say) -> Iterator[Moment]:
    for index, attempt in enumerate(story.attempts):
        state, icon, tone = words.ATTEMPT[attempt["state"]]
        first = index == 0 and attempt["state"] is AttemptState.DECLINED
        yield Moment(
            at=attempt["finished_at"] or attempt["asked_at"] or attempt["at"],
            kind="payment",
            icon=icon,
            tone=tone,
            title=_attempt_title(attempt, t(state), t, first=first),
            whose=t(words.MADE_BY[attempt["made_by"]]),
            english=_attempt_english(attempt, tables.get(attempt["rules_version"], BUILT_IN)),
            body=_attempt_body(attempt, t),
            details=tuple(_attempt_ids(attempt, t)),
        )


def _attempt_title(attempt: Any, state: str, t: Say, *, first: bool) -> str:
    if attempt["state"] is AttemptState.DECLINED:
        code = attempt["decline_code"]
        title = words.decline_title(code, attempt["decline_class"])
        reason = t(title)
        reason = reason.lower() if code and reason == title else reason  # German nouns keep their capital
        if first:
            return t("The payment failed: %(reason)s", reason=reason)
        return t("Declined: %(reason)s", reason=reason)
    return state[:1].upper() + state[1:]


def _attempt_english(attempt: Any, table: DeclineTable) -> str:
    parts = []
    if attempt["state"] in {AttemptState.DECLINED, AttemptState.NEEDS_ACTION}:
        parts.append(words.decline_sentence(attempt, table))
    if attempt["note"] and attempt["state"] not in {AttemptState.DECLINED, AttemptState.PAID}:
        parts.append(attempt["note"])
    return " ".join(parts)


def _attempt_body(attempt: Any, t: Say) -> str:
    if attempt["predicted"] and attempt["state"] in {AttemptState.DECLINED, AttemptState.PAID}:
        return t("The planner gave it a chance of %(chance)s.", chance=percent(attempt["predicted"]))
    return ""


def _attempt_ids(attempt: Any, t: Say) -> Iterator[tuple[str, str]]:
    if attempt["brand"]:
        yield t("card"), " ".join(filter(None, (words.brand(attempt["brand"]), attempt["funding"])))
    for field, name in FIELDS.items():
        if attempt[field]:
            yield t(name), attempt[field]
    if attempt["rules_version"]:
        yield t("card rules"), t("version %(n)s", n=attempt["rules_version"])
    if attempt["ordinal"]:
        yield t("attempt"), t("no. %(n)s", n=attempt["ordinal"])


def _messages(story: Story, t: Say) -> Iterator[Moment]:
    for message in story.messages:
        if message["state"] is MessageState.PLANNED:
            continue
        state, tone = words.MESSAGE[message["state"]]
        yield Moment(
            at=message["sent_at"] or _dropped_at(story, message),
            kind="message",
            icon="mail",
            tone=tone,
            title=t("%(message)s %(state)s", message=_titled(message, t), state=t(state)),
            whose=message["address"] or "",
            english=message["note"] or "",
            body="" if message["note"] else message["subject"] or "",
            message_id=message["id"] if message["body_text"] or message["body_html"] else None,
        )


def _dropped_at(story: Story, message: Any) -> datetime:
    """Return when a message that never went out was given up: when it was due, or at the end before that."""
    due: datetime = message["due_at"]
    return min(due, story.recovery["closed_at"] or due)


def _notes(story: Story) -> Iterator[Moment]:
    icons = {"staff": "person", "stripe": "eye"}
    for note in story.notes:
        if note["sentence"] in TOLD_BY_ATTEMPTS:
            continue
        icon = icons.get(note["kind"], "note")
        whose = "" if note["kind"] == "decision" else note["by"]
        yield Moment(note["at"], "note", icon, "mute", note["sentence"], whose)


def _ledger(story: Story, t: Say, money: Written) -> Iterator[Moment]:
    for entry in story.ledger:
        amount = money(abs(entry["amount"]), entry["currency"])
        reason = t(words.REASON.get(entry["reason"] or "", ""))
        recovered = entry["kind"] is LedgerKind.RECOVERED
        title = (
            t("Recovered %(amount)s", amount=amount)
            if recovered
            else f"{t(LEDGER_TITLES[entry['kind']])}: {amount}"
        )
        ids = [
            (t("source"), entry["source_id"]),
            *([(t("charge"), entry["charge_id"])] if entry["charge_id"] else []),
        ]
        tone, icon = ("good", "check") if entry["amount"] > 0 else ("bad", "undo")
        body = t("Credited to: %(reason)s.", reason=reason) if reason else ""
        yield Moment(entry["at"], "money", icon, tone, title, body=body, details=tuple(ids))


def _titled(message: Any, t: Say) -> str:
    if message["channel"] == Channel.CALL:
        return t("A call by staff")
    named = f"“{(message['template'] or message['step']).replace('_', ' ')}”"
    channel = t(words.CHANNEL[message["channel"]])
    kind = t("Message") if message["channel"] == Channel.EMAIL else channel[:1].upper() + channel[1:]
    return f"{kind} {named}"


def percent(chance: Any) -> str:
    """Return a probability given as a number or a decimal text as `34 %`; empty when there is none."""
    if chance is None:
        return ""
    whole = float(chance) * 100
    return "under 1 %" if 0 < whole < 1 else f"{whole:.0f} %"
