"""The verdict on a run: our rows against the sandbox's own books, line by line."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, Final

from simulation.city import City
from sqlalchemy import Connection, select

from dunning.core.vocabulary import CLOSED, UNFINISHED, EventState, MessageState
from dunning.store import invariants
from dunning.store.tables import attempts, events, invoices, ledger_entries, messages, recoveries

OUTCOMES: Final = {"paid": "paid", "declined": "declined", "needs_action": "requires_action"}


def problems(city: City) -> list[str]:
    """Return everything that is wrong, as sentences; none when all is right."""
    lines = [line for line in city.sandbox.books() if line["kind"] in {"charge", "out_of_band"}]
    with city.house.store.read() as connection:
        found = [
            *city.errors,
            *_books(lines),
            *_ours(connection, lines),
            *([] if city.fate.senders_die or city.tally.restores else _credit(connection, lines)),
            *_mails(connection, city),
            *_stopped_cards(lines),
            *_endings(connection, city),
            *_ends(connection, city),
            *_read(connection, city),
        ]
        broken = invariants.check(connection, city.clock.now())
    return found + [f"{count} rows break: {law}" for law, count in broken.items() if count]


def count_attempts(city: City) -> tuple[int, int]:
    """Return how many attempts the network saw in all, and how many of them were ours."""
    lines = [line for line in city.sandbox.books() if line["kind"] == "charge"]
    return len(lines), sum(line["made_by"] == "dunning" for line in lines)


def _books(lines: list[dict[str, Any]]) -> list[str]:
    """No invoice is paid twice, and no key of ours was executed twice."""
    paid = Counter(line["invoice"] for line in lines if line["outcome"] == "paid")
    keys = Counter(
        line["idempotency_key"]
        for line in lines
        if line["made_by"] == "dunning" and not _is_a_debit_arriving(line, lines)
    )
    return [
        *(f"{invoice} was paid {times} times" for invoice, times in paid.items() if times > 1),
        *(f"{key} was executed {times} times" for key, times in keys.items() if times > 1),
    ]


def _is_a_debit_arriving(line: dict[str, Any], lines: list[dict[str, Any]]) -> bool:
    return line["outcome"] == "paid" and any(
        other["idempotency_key"] == line["idempotency_key"] and other["outcome"] == "processing"
        for other in lines
    )


def _ours(connection: Connection, lines: list[dict[str, Any]]) -> list[str]:
    """Our attempts are the books' lines with our keys: the same outcome, the same code."""
    booked = {
        line["idempotency_key"]: (line["outcome"], line["decline_code"])
        for line in lines  # of a bank debit the last line tells
        if line["made_by"] == "dunning"
    }
    rows = connection.execute(select(attempts).where(attempts.c.ordinal.is_not(None))).all()
    kept = {
        row.idempotency_key: (OUTCOMES[row.state], row.decline_code) for row in rows if row.state in OUTCOMES
    }
    return [
        f"{key}: the books say {booked.get(key)}, we say {kept.get(key)}"
        for key in sorted(booked.keys() | kept.keys())
        if booked.get(key) != kept.get(key)
    ]


def _credit(connection: Connection, lines: list[dict[str, Any]]) -> list[str]:
    """Every invoice that was paid after it had failed is credited as the books say."""
    failed = {line["invoice"] for line in lines if line["outcome"] in {"declined", "requires_action"}}
    said = {
        line["invoice"]: line["credited_to"]
        for line in lines
        if line["outcome"] == "paid" and line["invoice"] in failed
    }
    rows = connection.execute(select(recoveries).where(recoveries.c.status == "recovered"))
    ours = {row.invoice_id: row.reason for row in rows}
    return [
        f"{invoice}: the books credit {said.get(invoice)}, we {ours.get(invoice)}"
        for invoice in sorted(said.keys() | ours.keys())
        if said.get(invoice) != ours.get(invoice)
    ]


def _mails(connection: Connection, city: City) -> list[str]:
    """No message was handed over twice, and no step of a recovery is two messages."""
    keys = Counter(outgoing.idempotency_key for _, outgoing in city.mails.sent)
    steps = Counter(
        (row.recovery_id, row.step, row.channel, row.recipient, row.occurrence.partition("#")[0])
        for row in connection.execute(select(messages).where(messages.c.state == MessageState.SENT))
    )
    return [
        *(f"the mail {key} was sent {times} times" for key, times in keys.items() if times > 1),
        *(
            f"step {step[1]} of {step[0]} was sent {times} times"
            for step, times in steps.items()
            if times > 1
        ),
    ]


def _stopped_cards(lines: list[dict[str, Any]]) -> list[str]:
    """No card that the bank said is lost to us is charged by us again, an hour later and more."""
    lost: dict[str, datetime] = {}
    found = []
    for line in lines:
        card, at = line["payment_method"], datetime.fromisoformat(line["at"])
        if line["made_by"] != "dunning" or line["card_source"] == "updater":
            continue
        if card in lost and at > lost[card] + timedelta(hours=1):
            found.append(f"{card} was charged at {at}, and lost since {lost[card]}")
        if line["decline_code"] == "lost_card":
            lost.setdefault(card, at)
    return found


def _endings(connection: Connection, city: City) -> list[str]:
    """A void invoice is stopped, not lost."""
    rows = connection.execute(select(recoveries).where(recoveries.c.status != "stopped"))
    table = city.sandbox.world.tables["invoices"]
    return [
        f"{row.invoice_id} is void, and its recovery {row.status}"
        for row in rows
        if table[row.invoice_id]["status"] == "void"
    ]


def _read(connection: Connection, city: City) -> list[str]:
    """What we last read of an invoice is what it is: staff see it, and figures count it."""
    table = city.sandbox.world.tables["invoices"]
    names = ("status", "amount_remaining", "amount_paid")
    return [
        f"{row.id} has the {name} {table[row.id][name]}, and we show {getattr(row, name)}"
        for row in connection.execute(select(invoices))
        for name in names
        if getattr(row, name) != table[row.id][name]
    ]


def _ends(connection: Connection, city: City) -> list[str]:
    """Nothing is unfinished, and the ledger follows the money."""
    open_ones = connection.execute(select(recoveries).where(recoveries.c.status.not_in(CLOSED))).all()
    unfinished = connection.execute(select(attempts).where(attempts.c.state.in_(UNFINISHED))).all()
    waiting = connection.execute(
        select(events).where(events.c.state.in_([EventState.NEW, EventState.PARKED]))
    ).all()
    return [
        *(f"{row.invoice_id} is still {row.status}: {row.why}" for row in open_ones),
        *(f"attempt {row.id} of {row.invoice_id} is still {row.state}: {row.note}" for row in unfinished),
        *(f"event {row.id} ({row.type}) is still {row.state}: {row.note}" for row in waiting),
        *_money(connection, city),
    ]


def _money(connection: Connection, city: City) -> list[str]:
    """What was taken back of recovered invoices is in the ledger."""
    kinds = ("refund", "dispute", "dispute_reversal")
    recovered = set(
        connection.execute(
            select(recoveries.c.invoice_id).where(recoveries.c.status == "recovered")
        ).scalars()
    )
    booked: Counter[tuple[str, str]] = Counter()
    for line in city.sandbox.books():
        if line["kind"] in kinds and line["invoice"] in recovered:
            booked[line["invoice"], line["kind"]] += line["amount"]
    kept: Counter[tuple[str, str]] = Counter()
    for row in connection.execute(select(ledger_entries).where(ledger_entries.c.kind.in_(kinds))):
        kept[row.invoice_id, row.kind] += abs(row.amount)
    return [
        f"{invoice}: {kind} is {booked[invoice, kind]} in the books, {kept[invoice, kind]} with us"
        for invoice, kind in sorted(booked.keys() | kept.keys())
        if booked[invoice, kind] != kept[invoice, kind]
    ]
