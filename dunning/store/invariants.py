"""The laws as queries: each counts the rows that break it, and must count none.

They run in the demo, in the tests, and in production (`dunning doctor`).
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, text

from dunning.store import breakers, segments, switches

STUCK_AFTER: Final = timedelta(minutes=15)

LAWS: Final = {
    "one open recovery per invoice": """
        SELECT count(*) FROM (
            SELECT 1 FROM recoveries WHERE closed_at IS NULL
            GROUP BY account_id, livemode, invoice_id HAVING count(*) > 1) AS broken""",
    "one unfinished attempt per invoice": """
        SELECT count(*) FROM (
            SELECT 1 FROM attempts WHERE state IN ('planned', 'asking', 'unknown', 'processing')
            GROUP BY account_id, livemode, invoice_id HAVING count(*) > 1) AS broken""",
    "at most one of our charges pays an invoice": """
        SELECT count(*) FROM (
            SELECT 1 FROM attempts WHERE state = 'paid' AND ordinal IS NOT NULL
            GROUP BY account_id, livemode, invoice_id HAVING count(*) > 1) AS broken""",
    "every charge has its key": """
        SELECT count(*) FROM attempts
        WHERE ordinal IS NOT NULL
          AND idempotency_key <> 'v1:pay:' || account_id || ':' || invoice_id || ':' || ordinal""",
    "no charge after the recovery was closed": """
        SELECT count(*) FROM attempts AS a JOIN recoveries AS r ON r.id = a.recovery_id
        WHERE a.asked_at > r.closed_at AND NOT r.late""",
    "no message after the recovery was closed": """
        SELECT count(*) FROM messages AS m JOIN recoveries AS r ON r.id = m.recovery_id
        WHERE m.sent_at > r.closed_at AND NOT r.late""",
    "no task is open after the recovery was closed": """
        SELECT count(*) FROM staff_tasks AS t JOIN recoveries AS r ON r.id = t.recovery_id
        WHERE t.state = 'open' AND r.closed_at IS NOT NULL""",
    "no charge by us while Stripe owns the retries": """
        SELECT count(*) FROM attempts AS a JOIN recoveries AS r ON r.id = a.recovery_id
        WHERE a.ordinal IS NOT NULL AND r.retries = 'own' AND a.state <> 'not_sent' AND NOT r.taken_over
          AND r.closed_at IS NULL AND (r.contradicted_at IS NULL OR a.asked_at > r.contradicted_at)""",
    "a recovered invoice has its money in the ledger": """
        SELECT count(*) FROM recoveries AS r
        LEFT JOIN invoices AS i
          ON i.account_id = r.account_id AND i.livemode = r.livemode AND i.id = r.invoice_id
        WHERE r.status = 'recovered' AND NOT coalesce(
            (SELECT sum(l.amount) FROM ledger_entries AS l
             WHERE l.recovery_id = r.id AND l.kind = 'recovered'), 0)
            BETWEEN r.amount - coalesce(i.amount_credited - r.credited_before, 0) AND r.amount""",
    "an attempting recovery has an unfinished attempt": """
        SELECT count(*) FROM recoveries AS r WHERE r.status = 'attempting' AND NOT EXISTS (
            SELECT 1 FROM attempts AS a WHERE a.recovery_id = r.id
            AND a.state IN ('planned', 'asking', 'unknown', 'processing'))""",
    "an invoice that is not recovered was paid in part at most": """
        SELECT count(*) FROM recoveries AS r WHERE r.status <> 'recovered' AND
            (SELECT sum(l.amount) FROM ledger_entries AS l
             WHERE l.recovery_id = r.id AND l.kind = 'recovered') >= r.amount""",
    "the queue has a line for each recovery, with its status": """
        SELECT count(*) FROM recoveries AS r LEFT JOIN queue_items AS q ON q.recovery_id = r.id
        WHERE q.recovery_id IS NULL OR q.status <> r.status""",
    "the ledger names the reason of the recovery": """
        SELECT count(*) FROM recoveries AS r WHERE r.status = 'recovered'
          AND EXISTS (SELECT 1 FROM ledger_entries AS l
                      WHERE l.recovery_id = r.id AND l.kind = 'recovered')
          AND NOT EXISTS (SELECT 1 FROM ledger_entries AS l
                          WHERE l.recovery_id = r.id AND l.kind = 'recovered' AND l.reason = r.reason)""",
}

PUNCTUAL: Final = {
    "no event is left behind": "SELECT count(*) FROM events WHERE state = 'new' AND received_at < :late",
    "no attempt is left behind": """
        SELECT count(*) FROM attempts WHERE state IN ('planned', 'asking') AND at < :late""",
    "no recovery is left behind": """
        SELECT count(*) FROM recoveries WHERE status = 'scheduled' AND next_attempt_at < :late""",
    "no message is left behind": "SELECT count(*) FROM messages WHERE state = 'sending' AND due_at < :late",
    "no notice is left behind": "SELECT count(*) FROM notices WHERE state = 'sending' AND due_at < :late",
}
WAIT_WITH_REASON: Final = frozenset(PUNCTUAL) - {"no event is left behind"}


def check(connection: Connection, now: datetime) -> dict[str, int]:
    """Return, per law, how many rows break it; a row is late when it was due 15 minutes before `now`."""
    counts = {name: connection.execute(text(query)).scalar_one() for name, query in LAWS.items()}
    late = now - STUCK_AFTER
    waiting = held_up(connection)
    moment = late.replace(tzinfo=None) if connection.dialect.name == "sqlite" else late
    for name, query in PUNCTUAL.items():
        shown = str(moment) if connection.dialect.name == "sqlite" else moment
        counts[name] = connection.execute(text(query), {"late": shown}).scalar_one()
        if waiting and name in WAIT_WITH_REASON:
            counts[name] = 0
    return counts


def held_up(connection: Connection) -> bool:
    """Return whether a kill switch or a breaker keeps due rows waiting, as it should."""
    overall = switches.read(connection).paused
    return (
        overall
        or any(s.paused for s in segments.current(connection).all)
        or bool(breakers.all_open(connection))
    )
