"""How each guard of the house is taken out: see `seeded_bugs`."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from pytest import MonkeyPatch  # noqa: PT013
from simulation.city import City
from sqlalchemy import select, union_all

from dunning.core.vocabulary import Reason
from dunning.flows import (
    attempting,
    card_limits,
    charging,
    conclusion,
    following,
    messaging,
    observing,
    obstacles,
    own_refusal,
    parts,
    reversing,
    sending,
    settling,
    steer,
    told,
    unknown,
    work,
)
from dunning.flows.asked import Outcome
from dunning.gateway import signature
from dunning.store import attempts, due, inbox, ledger, messages, objects

Remove = Callable[[MonkeyPatch, City], None]
NEVER: Final = timedelta(days=365)


def nothing(*_: Any, **__: Any) -> None:
    return None


def new_key_when_asked_again(patch: MonkeyPatch, _: City) -> None:
    real = charging._ask
    fresh = itertools.count(1)

    def ask(house: Any, asked: Any) -> Outcome:
        if asked.again:
            key = f"{asked.attempt.idempotency_key}:again{next(fresh)}"
            asked = replace(asked, attempt=replace(asked.attempt, idempotency_key=key))
        return real(house, asked)

    patch.setattr(charging, "_ask", ask)


def random_key(patch: MonkeyPatch, _: City) -> None:
    fresh = itertools.count(1)
    patch.setattr(attempting, "pay_key", lambda *_: f"v1:pay:{next(fresh)}")


def unknown_is_forgotten(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(conclusion, "LATE_EFFECTS", timedelta(0))
    patch.setattr(observing, "overdue", lambda *_: True)


def unknown_counts_as_declined(patch: MonkeyPatch, _: City) -> None:
    def give_up(connection: Any, house: Any, recovery: Any, asked: Any, outcome: Any, now: datetime) -> None:
        unknown._refused(connection, house, recovery, asked, Refusal(outcome), now)

    patch.setattr(charging, "not_known", give_up)


class Refusal(Exception):
    """What an answer that never came is taken for."""

    status = 400


def no_janitor(patch: MonkeyPatch, _: City) -> None:
    tables = [table for name, (table, _) in due.KINDS.items() if name != "attempt"]
    real = due.kinds_due
    patch.setattr(due, "_NEXT", union_all(*(select(due._soonest(table)) for table in tables)))
    patch.setattr(due, "kinds_due", lambda *given: [kind for kind in real(*given) if kind != "attempt"])


def no_lease(patch: MonkeyPatch, _: City) -> None:
    def claim(connection: Any, attempt: Any, now: datetime, lease: timedelta, **values: Any) -> int | None:
        taken = {**values, "fence": attempt.fence + 1, "lease_until": now + lease}
        return attempt.fence + 1 if attempts.change(connection, attempt.id, attempt.fence, **taken) else None

    patch.setattr(attempts, "claim", claim)


def no_fence(patch: MonkeyPatch, _: City) -> None:
    from sqlalchemy import update

    from dunning.store.prepared import ITS_ID

    table = attempts.attempts
    patch.setattr(attempts, "_CHANGE", update(table).where(table.c.id == ITS_ID))


def no_fence_on_events(patch: MonkeyPatch, _: City) -> None:
    from sqlalchemy import update

    from dunning.store.prepared import ITS_ID

    table = inbox.events
    patch.setattr(inbox, "_CHANGE", update(table).where(table.c.seq == ITS_ID))


def no_index_of_unfinished(_: MonkeyPatch, city: City) -> None:
    from sqlalchemy import text

    with city.house.store.write() as connection:
        connection.execute(text("DROP INDEX uq_attempts_unfinished_invoice"))


def no_look_for_unfinished(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(attempts, "unfinished", nothing)


def two_attempts_at_once(patch: MonkeyPatch, city: City) -> None:
    no_index_of_unfinished(patch, city)
    no_look_for_unfinished(patch, city)


def no_index_of_open(_: MonkeyPatch, city: City) -> None:
    from sqlalchemy import text

    with city.house.store.write() as connection:
        connection.execute(text("DROP INDEX uq_recoveries_open_invoice"))


def charged_whatever_happened(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(charging, "why_unwanted", nothing)
    patch.setattr(charging, "_news_since_the_freeze", nothing)
    patch.setattr(obstacles, "why_unwanted", nothing)


def no_look_before_a_charge(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(attempting, "obstacle", nothing)


def two_collectors(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(obstacles, "stripes_turn", nothing)
    patch.setattr(charging, "stripes_turn", nothing)


def stopped_cards_are_charged(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(obstacles, "card_obstacle", nothing)
    patch.setattr(charging, "card_stopped", lambda *_: False)
    patch.setattr(card_limits, "card_stopped", lambda *_: False)


def older_reads_win(patch: MonkeyPatch, _: City) -> None:
    from sqlalchemy import update

    table = objects.invoices
    patch.setattr(objects, "_APPLY", update(table).where(*objects._its(table)))


def no_reconciliation(patch: MonkeyPatch, _: City) -> None:
    patch.setitem(work.CHORES, "reconcile", nothing)  # type: ignore[arg-type]  # a plain dict in truth


def lost_bells_stay_lost(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(due, "RING_AGAIN", NEVER)


def money_is_entered_again(patch: MonkeyPatch, _: City) -> None:
    real, fresh = ledger.append, itertools.count(1)

    def append(connection: Any, values: dict[str, Any]) -> bool:
        number = next(fresh)
        return real(
            connection, values | {"source_id": f"{values['source_id']}#{number}", "id": f"led_{number}"}
        )

    patch.setattr(ledger, "append", append)


def refunds_have_the_wrong_sign(patch: MonkeyPatch, _: City) -> None:
    real = reversing._reversals
    patch.setattr(
        reversing, "_reversals", lambda *given: [replace(one, amount=-one.amount) for one in real(*given)]
    )


def refunds_are_ignored(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(reversing, "_reversals", lambda *_: [])


def refunds_before_their_payment_are_forgotten(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(settling, "_reopen_reversals", nothing)


def endings_are_not_followed(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(following, "ENDS", {})
    patch.setattr(attempting, "ENDS", {})
    patch.setattr(conclusion, "ENDS", {})


def all_is_ours(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(settling, "attribute", lambda _: Reason.OUR_RETRY)


def keys_in_events_are_not_read(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(told, "outcome", nothing)


def refusals_without_keys(patch: MonkeyPatch, city: City) -> None:
    unknown_counts_as_declined(patch, city)
    keys_in_events_are_not_read(patch, city)
    origin_is_not_read(patch, city)


def origin_is_not_read(patch: MonkeyPatch, _: City) -> None:
    real = observing.origin_of
    patch.setattr(observing, "origin_of", lambda *given, **more: real(*given, **{**more, "key": None}))


def the_payment_is_not_heard_again(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(charging, "hear_the_payment_again", nothing)
    patch.setattr(own_refusal, "hear_the_payment_again", nothing)


def anybody_may_post(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(signature, "_any_match", lambda *_: True)


def old_posts_are_taken(patch: MonkeyPatch, city: City) -> None:
    real = signature.verify
    patch.setattr(signature, "verify", lambda *given, now: real(*given, now=now, tolerance_s=10**9))


def events_are_kept_twice(patch: MonkeyPatch, _: City) -> None:
    from simulation import city as module

    real, fresh = module.insert_events, itertools.count(1)

    def insert(connection: Any, rows: list[dict[str, Any]]) -> Any:
        return real(connection, [row | {"id": f"{row['id']}#{next(fresh)}"} for row in rows])

    patch.setattr(module, "insert_events", insert)


def a_mail_is_taken_again(patch: MonkeyPatch, _: City) -> None:
    """The lease of a sender that died is looked at, as everywhere else: the mail goes out again."""
    real = messages.by_id

    def by_id(connection: Any, message_id: str, *, lock: bool = False) -> Any:
        found = real(connection, message_id, lock=lock)
        return replace(found, lease_until=None) if found is not None and lock else found

    patch.setattr(messages, "by_id", by_id)


def steps_are_planned_again(patch: MonkeyPatch, _: City) -> None:
    real, fresh = messages.add, itertools.count(1)

    def add(connection: Any, values: dict[str, Any]) -> bool:
        number = next(fresh)
        return real(
            connection, values | {"id": f"msg_{number}", "occurrence": f"{values['occurrence']}#{number}"}
        )

    patch.setattr(messages, "add", add)


def messages_are_sent_whatever_happened(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(sending, "may_go", lambda *_, **__: True)
    patch.setattr(messaging, "may_go", lambda *_, **__: True)


def planned_messages_stay_planned(patch: MonkeyPatch, _: City) -> None:
    patch.setattr(messages, "skip_planned", nothing)


def whoever_has_paid_is_dunned(patch: MonkeyPatch, city: City) -> None:
    planned_messages_stay_planned(patch, city)
    messages_are_sent_whatever_happened(patch, city)


def neither_lease_nor_fence(patch: MonkeyPatch, city: City) -> None:
    no_lease(patch, city)
    no_fence(patch, city)


def parts_are_counted_whole(patch: MonkeyPatch, _: City) -> None:
    real = parts.enter

    def enter(connection: Any, recovery: Any, reason: Any, source: str, amount: int, *more: Any) -> bool:
        return real(connection, recovery, reason, source, amount + 1, *more)

    patch.setattr(parts, "enter", enter)


def the_queue_is_not_told(patch: MonkeyPatch, _: City) -> None:
    from dunning.flows import placing

    for module in (steer, placing):
        if hasattr(module, "place"):
            patch.setattr(module, "place", nothing)


def the_ledger_may_be_rewritten(_: MonkeyPatch, city: City) -> None:
    from sqlalchemy import text

    with city.house.store.write() as connection:
        connection.execute(text("DROP TRIGGER ledger_refuses_update"))
        connection.execute(text("DROP TRIGGER ledger_refuses_delete"))
