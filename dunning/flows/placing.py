"""Placing a recovery in the queue: its line is told anew whenever the recovery, or time, has moved it."""

from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from dunning.core import triage, worth
from dunning.core.billing import Whose
from dunning.core.search_words import words_of
from dunning.core.triage import Place, Spot, Standing
from dunning.core.vocabulary import InvoiceClass, Status
from dunning.core.worth import Prospect
from dunning.store import campaigns, queue_items, rules

COPIED = (
    "account_id livemode status amount currency decline_class campaign_key segment failed_at deadline plan"
).split()
BY_ITSELF = frozenset({Status.SCHEDULED, Status.ATTEMPTING, Status.WATCHING})


def place(connection: Connection, recovery_id: str, now: datetime, **staffs: Any) -> None:
    """Write a recovery's line of the queue, in a transaction that holds the recovery.

    `staffs` are the columns that a person changes with it: owner, snoozed_until, snooze_reason,
    promised_until, touched_at.
    """
    found = queue_items.facts(connection, recovery_id)
    if found is None:
        return
    facts = dict(found)
    kept = {name: facts[f"item_{name}"] for name in queue_items.STAFFS} | staffs
    policy = rules.policy(connection, facts["policy_version"], InvoiceClass(facts["invoice_class"]))
    left = max(policy.attempts_per_invoice - facts["asked"], 0)
    words = words_of(_texts(facts))
    spot = triage.spot(_standing(facts, kept), now=now)
    line = {
        **_line(facts, kept, spot, now),
        **_value(connection, facts),
        "attempts_left": left,
        "named": " ".join(sorted(words)),
    }
    queue_items.put(connection, {**line, "version": _version(facts, line)})
    if facts["item_named"] is None or set(facts["item_named"].split()) != words:
        queue_items.name(connection, recovery_id, sorted(words))


def moved_since(connection: Connection, recovery_id: str, seen: int | None) -> str | None:
    """Return who was faster, when a line is another than a person saw; the recovery is held."""
    line = queue_items.item(connection, recovery_id) if seen is not None else None
    if line is None or line["version"] == seen:
        return None
    told = queue_items.newest_note(connection, recovery_id)
    what = f" {told['by']}: “{told['sentence']}”" if told is not None else ""
    return f"Nothing was done: this recovery has changed since you looked.{what}"


def _version(facts: Mapping[str, Any], line: Mapping[str, Any]) -> int:
    """Return the line's number: a new one when what a person decides on has changed."""
    seen = (*queue_items.STAFFS, "place", "status")
    same = facts["item_version"] is not None and all(facts[f"item_{name}"] == line[name] for name in seen)
    return (facts["item_version"] or 0) + (0 if same else 1)


def _line(facts: Mapping[str, Any], kept: Mapping[str, Any], found: Spot, now: datetime) -> dict[str, Any]:
    prospect = _prospect(facts)
    is_open = found.place is not Place.CLOSED
    money = worth.expected(prospect, now=now) if is_open else 0
    return {
        "recovery_id": facts["id"],
        **{name: facts[name] for name in COPIED},
        **kept,
        "open": is_open,
        "country": facts["customer_country"],
        "face": worth.face_value(facts["amount"], facts["currency"]),
        "expected": money,
        "worth": worth.face_value(money, facts["currency"]),
        "slipping": worth.slipping(prospect, now=now) if is_open else 0,
        "place": found.place,
        "cause": found.cause,
        "needed_since": found.needed_since,
        "respond_by": found.respond_by,
        "breached": found.breached,
        "rank": found.rank,
        "ring_at": found.look_at,
    }


def _value(connection: Connection, facts: Mapping[str, Any]) -> dict[str, int]:
    whose = Whose(facts["account_id"], livemode=facts["livemode"])
    paid = campaigns.paid_before(connection, whose, facts["customer_id"], facts["currency"]) or 0
    return {"paid_so_far": paid, "value": worth.face_value(paid, facts["currency"])}


def _standing(facts: Mapping[str, Any], kept: Mapping[str, Any]) -> Standing:
    return Standing(
        status=facts["status"],
        decline_class=facts["decline_class"],
        failed_at=facts["failed_at"],
        pause_until=facts["pause_until"],
        abandoned=facts["abandoned"],
        contradicted=facts["contradicted_at"] is not None,
        approval_asked=facts["approval_asked"],
        call_asked=facts["call_asked"],
        reachable=_reachable(facts),
        next_message_at=facts["next_message_at"],
        last_message_at=max(filter(None, (facts["last_message_at"], facts["last_call_at"])), default=None),
        snoozed_until=kept["snoozed_until"],
        promised_until=kept["promised_until"],
        touched_at=kept["touched_at"],
        needed_since=facts["item_needed_since"],
        cause_before=facts["item_cause"],
    )


def _prospect(facts: Mapping[str, Any]) -> Prospect:
    return Prospect(
        amount=facts["amount"],
        currency=facts["currency"],
        decline_class=facts["decline_class"],
        failed_at=facts["failed_at"],
        deadline=facts["deadline"],
        refusals=facts["refusals"],
        reachable=_reachable(facts),
        by_itself=facts["status"] in BY_ITSELF,
        card_expires=_expires(facts["exp_month"], facts["exp_year"]),
        mails_unanswered=0 if facts["link_used"] else facts["mails_sent"],
        usage=None if facts["usage_before"] is None else (facts["usage_before"], facts["usage"]),
    )


def _reachable(facts: Mapping[str, Any]) -> bool:
    return bool(facts["customer_email"]) and not facts["barred"]


def _expires(month: int | None, year: int | None) -> date | None:
    if not month or not year or not 1 <= month <= 12:
        return None
    return date(year, month, monthrange(year, month)[1])


def _texts(facts: Mapping[str, Any]) -> tuple[str | None, ...]:
    names = "id invoice_id customer_id subscription_id customer_email invoice_number customer_name"
    return tuple(facts[name] for name in names.split())
