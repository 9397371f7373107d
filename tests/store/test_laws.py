"""The database itself refuses what must never be, whatever the code above it does."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Table, insert, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, StatementError

from dunning.core.declines import DeclineClass
from dunning.core.policy import Policy
from dunning.core.vocabulary import (
    COSTS_BUDGET,
    UNFINISHED,
    AttemptState,
    ClosedReason,
    InvoiceClass,
    LedgerKind,
    MadeBy,
    MessageState,
    Reason,
    Retries,
    Status,
)
from dunning.flows.placing import place
from dunning.store import invariants, ledger, messages, recoveries
from dunning.store.engine import Store, open_store
from dunning.store.tables import attempts, ledger_entries, notices, policies
from dunning.store.tables import messages as messages_table
from dunning.store.tables import recoveries as recoveries_table

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
WHOSE = {"account_id": "self", "livemode": False}
RECOVERY: dict[str, Any] = WHOSE | {
    "id": "rec_1",
    "invoice_id": "in_1",
    "invoice_class": InvoiceClass.RENEWAL,
    "status": Status.WAITING,
    "retries": Retries.OWN,
    "currency": "usd",
    "amount": 2900,
    "failed_at": NOW,
    "opened_at": NOW,
    "deadline": NOW + timedelta(days=14),
    "decline_class": DeclineClass.SOFT_FUNDS,
    "why": "The payment failed.",
    "policy_version": 1,
    "campaign_key": "standard",
    "campaign_version": 1,
}
ATTEMPT: dict[str, Any] = WHOSE | {
    "id": "att_1",
    "recovery_id": "rec_1",
    "invoice_id": "in_1",
    "made_by": MadeBy.DUNNING,
    "state": AttemptState.DECLINED,
    "at": NOW,
    "currency": "usd",
    "amount": 2900,
}
MESSAGE: dict[str, Any] = WHOSE | {
    "id": "msg_1",
    "recovery_id": "rec_1",
    "step": "first",
    "occurrence": "0",
    "channel": "email",
    "recipient": "customer",
    "template": "payment_failed",
    "state": MessageState.PLANNED,
    "due_at": NOW,
}
NOTICE: dict[str, Any] = WHOSE | {
    "id": "ntc_1",
    "kind": "thank_you",
    "about": "rec_1",
    "customer_id": "cus_1",
    "recovery_id": "rec_1",
    "due_at": NOW,
}
ENTRY: dict[str, Any] = WHOSE | {
    "id": "led_1",
    "kind": LedgerKind.RECOVERED,
    "source_id": "inpay_1",
    "recovery_id": "rec_1",
    "invoice_id": "in_1",
    "currency": "usd",
    "amount": 2900,
    "reason": Reason.OUR_RETRY,
    "at": NOW,
    "recorded_at": NOW,
}
CLOSED = {"status": Status.LOST, "closed_at": NOW, "closed_reason": ClosedReason.WINDOW}


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url, durable=False)
    with opened.write() as connection:
        policy = {"version": 1, "definition": Policy().dumps(), "published_at": NOW}
        connection.execute(insert(policies).values(policy))
        recoveries.add(connection, RECOVERY)
    yield opened
    opened.engine.dispose()


def put(store: Store, table: Table, row: dict[str, Any], **other: Any) -> None:
    with store.write() as connection:
        connection.execute(insert(table).values(row | other))


def refuses(store: Store, table: Table, row: dict[str, Any], **other: Any) -> None:
    with pytest.raises(IntegrityError):
        put(store, table, row, **other)


def test_an_invoice_has_one_open_recovery_and_any_number_of_closed_ones(store: Store) -> None:
    refuses(store, recoveries_table, RECOVERY, id="rec_2")
    put(store, recoveries_table, RECOVERY, id="rec_2", **CLOSED)
    put(store, recoveries_table, RECOVERY, id="rec_3", **CLOSED)
    put(store, recoveries_table, RECOVERY, id="rec_4", account_id="acct_1")
    put(store, recoveries_table, RECOVERY, id="rec_5", livemode=True)
    with pytest.raises(IntegrityError), store.write() as connection:
        recoveries.change(connection, "rec_2", status=Status.WAITING, closed_at=None, closed_reason=None)


@pytest.mark.parametrize("state", sorted(UNFINISHED))
def test_an_invoice_has_one_unfinished_attempt(store: Store, state: AttemptState) -> None:
    first = {"state": state, "ordinal": 1, "idempotency_key": "v1:pay:self:in_1:1"}
    put(store, attempts, ATTEMPT, **first)
    refuses(store, attempts, ATTEMPT, id="att_2", state=AttemptState.PLANNED)
    put(store, attempts, ATTEMPT, id="att_3")
    assert state in COSTS_BUDGET


def test_an_ordinal_is_used_once_for_an_invoice(store: Store) -> None:
    key = "v1:pay:self:in_1:1"
    put(store, attempts, ATTEMPT, ordinal=1, idempotency_key=key)
    refuses(store, attempts, ATTEMPT, id="att_2", ordinal=1, idempotency_key=key)
    put(store, attempts, ATTEMPT, id="att_3", ordinal=2, idempotency_key="v1:pay:self:in_1:2")


def test_a_charge_of_stripes_is_one_attempt(store: Store) -> None:
    put(store, attempts, ATTEMPT, charge_id="ch_1")
    refuses(store, attempts, ATTEMPT, id="att_2", charge_id="ch_1")


@pytest.mark.parametrize("state", [AttemptState.ASKING, AttemptState.UNKNOWN])
def test_nothing_is_asked_without_an_ordinal_and_no_ordinal_is_without_a_key(
    store: Store, state: AttemptState
) -> None:
    refuses(store, attempts, ATTEMPT, state=state)
    refuses(store, attempts, ATTEMPT, state=state, ordinal=1)


@pytest.mark.parametrize(
    "values",
    [
        {"status": Status.SCHEDULED},
        {"next_attempt_at": NOW},
        {"status": Status.PAUSED},
        {"pause_until": NOW},
        {"status": Status.LOST, "closed_reason": ClosedReason.WINDOW},
        {"closed_at": NOW},
        {"status": Status.RECOVERED, "closed_at": NOW},
        {"reason": Reason.OUR_RETRY},
        {"amount": -1},
        {"policy_version": 99},
        {"currency": None},
    ],
    ids=str,
)
def test_a_recovery_that_contradicts_itself_is_refused(store: Store, values: dict[str, Any]) -> None:
    refuses(store, recoveries_table, RECOVERY, id="rec_2", invoice_id="in_2", **values)


@pytest.mark.parametrize(
    "sentence",
    [
        "UPDATE recoveries SET status = 'sleeping'",
        "UPDATE recoveries SET retries = 'sometimes'",
        "UPDATE recoveries SET decline_class = 'bad_luck'",
        "UPDATE recoveries SET closed_reason = 'whim'",
        "UPDATE attempts SET state = 'perhaps'",
        "UPDATE attempts SET made_by = 'nobody'",
        "UPDATE messages SET state = 'lost'",
        "UPDATE messages SET state = 'sent'",
        "UPDATE messages SET sent_at = due_at",
    ],
)
def test_a_word_outside_the_vocabulary_is_refused_by_the_database(store: Store, sentence: str) -> None:
    put(store, attempts, ATTEMPT)
    put(store, messages_table, MESSAGE)
    with pytest.raises(IntegrityError), store.write() as connection:
        connection.execute(text(sentence))


def test_a_word_outside_the_vocabulary_does_not_even_reach_the_database(store: Store) -> None:
    with pytest.raises(StatementError):
        put(store, recoveries_table, RECOVERY, id="rec_2", status="sleeping")


def test_a_step_is_sent_to_a_recipient_once(store: Store) -> None:
    put(store, messages_table, MESSAGE)
    refuses(store, messages_table, MESSAGE, id="msg_2")
    put(store, messages_table, MESSAGE, id="msg_3", occurrence="1")
    with store.write() as connection:
        assert messages.add(connection, MESSAGE | {"id": "msg_4"}) is False
        assert messages.add(connection, MESSAGE | {"id": "msg_5", "step": "final"}) is True


def test_money_from_one_source_is_entered_once(store: Store) -> None:
    with store.write() as connection:
        assert ledger.append(connection, ENTRY) is True
        assert ledger.append(connection, ENTRY | {"id": "led_2"}) is False
        refund = {"kind": LedgerKind.REFUND, "source_id": "re_1", "amount": -900, "reason": None}
        assert ledger.append(connection, ENTRY | {"id": "led_3"} | refund) is True


def test_recovered_money_has_a_reason_and_other_money_has_none(store: Store) -> None:
    refuses(store, ledger_entries, ENTRY, reason=None)
    refuses(store, ledger_entries, ENTRY, kind=LedgerKind.REFUND)


@pytest.mark.parametrize(
    "sentence",
    [
        "UPDATE ledger_entries SET amount = 1",
        "UPDATE ledger_entries SET reason = 'staff' WHERE id = 'led_1'",
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_entries WHERE id = 'led_1'",
    ],
)
def test_the_ledger_only_grows(store: Store, sentence: str) -> None:
    put(store, ledger_entries, ENTRY)
    with pytest.raises(DBAPIError, match="the ledger only grows"), store.write() as connection:
        connection.execute(text(sentence))
    with store.read() as connection:
        assert connection.execute(select(ledger_entries.c.amount)).scalars().all() == [2900]


def test_the_ledger_cannot_be_overwritten_by_an_insert_either(store: Store) -> None:
    put(store, ledger_entries, ENTRY)
    sqlite = store.engine.dialect.name == "sqlite"
    over = "INSERT OR REPLACE INTO" if sqlite else "INSERT INTO"
    more = "" if sqlite else "ON CONFLICT (id) DO UPDATE SET amount = 1"
    columns = ", ".join(column.name for column in ledger_entries.columns)
    changed = columns.replace("amount", "1")
    sentence = f"{over} ledger_entries ({columns}) SELECT {changed} FROM ledger_entries {more}"
    with pytest.raises(DBAPIError), store.write() as connection:
        connection.execute(text(sentence))


@pytest.mark.parametrize(
    ("table", "row", "column"),
    [
        (recoveries_table, RECOVERY | {"id": "rec_2", "invoice_id": "in_2"}, "deadline"),
        (attempts, ATTEMPT, "at"),
        (messages_table, MESSAGE, "due_at"),
        (ledger_entries, ENTRY, "at"),
    ],
    ids=lambda value: value.name if isinstance(value, Table) else None,
)
def test_a_naive_instant_is_refused(store: Store, table: Table, row: dict[str, Any], column: str) -> None:
    with pytest.raises((ValueError, StatementError), match="no time zone"):
        put(store, table, row, **{column: NAIVE})


def test_an_instant_comes_back_as_it_was_whatever_zone_it_was_given_in(store: Store) -> None:
    from zoneinfo import ZoneInfo

    exact = NOW + timedelta(microseconds=123456)
    put(store, attempts, ATTEMPT, at=exact.astimezone(ZoneInfo("Asia/Tokyo")))
    with store.read() as connection:
        found = connection.execute(select(attempts.c.at)).scalar_one()
    assert found == exact
    assert found.utcoffset() == timedelta(0)


def test_an_attempt_of_a_recovery_that_never_was_is_refused(store: Store) -> None:
    refuses(store, attempts, ATTEMPT, recovery_id="rec_nobody")


def broken(store: Store, *, placed: bool = True) -> set[str]:
    with store.write() as connection:
        if placed:  # as every flow does that changes a recovery
            place(connection, RECOVERY["id"], NOW)
        return {law for law, count in invariants.check(connection, NOW).items() if count}


def close(connection: Connection, **values: Any) -> None:
    connection.execute(update(recoveries_table).values(CLOSED | values))


def test_the_laws_as_queries_find_what_breaks_them(store: Store) -> None:
    assert broken(store) == set()
    put(store, attempts, ATTEMPT, ordinal=1, idempotency_key="random", asked_at=NOW + timedelta(hours=1))
    put(store, ledger_entries, ENTRY)
    with store.write() as connection:
        close(connection)
    assert broken(store) == {
        "every charge has its key",
        "a charge that was asked has its parameters frozen",
        "no charge after the recovery was closed",
        "an invoice that is not recovered was paid in part at most",
    }


def test_the_laws_as_queries_find_money_that_is_missing_or_has_another_reason(store: Store) -> None:
    with store.write() as connection:
        close(connection, status=Status.RECOVERED, closed_reason=None, reason=Reason.STAFF)
    assert broken(store) == {"a recovered invoice has its money in the ledger"}
    put(store, ledger_entries, ENTRY)
    assert broken(store) == {"the ledger names the reason of the recovery"}


def test_the_laws_as_queries_find_a_line_of_the_queue_that_was_not_told_anew(store: Store) -> None:
    law = "the queue has a line for each recovery, with its status"
    assert broken(store, placed=False) == {law}
    assert broken(store) == set()
    with store.write() as connection:
        close(connection)
    assert broken(store, placed=False) == {law}


def test_the_laws_as_queries_find_what_is_left_behind(store: Store) -> None:
    late = NOW - invariants.STUCK_AFTER - timedelta(seconds=1)
    with store.write() as connection:
        connection.execute(update(recoveries_table).values(status=Status.SCHEDULED, next_attempt_at=late))
    put(store, attempts, ATTEMPT, state=AttemptState.PLANNED, at=late)
    put(store, messages_table, MESSAGE, state=MessageState.SENDING, due_at=late)
    put(store, notices, NOTICE, state=MessageState.SENDING, due_at=late)
    assert broken(store) == {
        "no notice is left behind",
        "no attempt is left behind",
        "no recovery is left behind",
        "no message is left behind",
        "no charge by us while Stripe owns the retries",
    } - {"no charge by us while Stripe owns the retries"}
