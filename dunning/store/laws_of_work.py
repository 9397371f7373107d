"""The laws of work: what is due gets done, what was read is applied in order, whom words reach."""

from datetime import timedelta
from typing import Final

from dunning.store.law import SOON, Law

STATES: Final = (
    Law(
        "an attempting recovery has an unfinished attempt",
        "What is said to be under way is under way.",
        ("I13",),
        """
        SELECT count(*) FROM recoveries AS r WHERE r.status = 'attempting' AND NOT EXISTS (
            SELECT 1 FROM attempts AS a WHERE a.recovery_id = r.id
            AND a.state IN ('planned', 'asking', 'unknown', 'processing'))""",
    ),
    Law(
        "no recovery is open of an invoice known to be settled",
        "Once an invoice is read as paid, void or written off, its recovery is closed: by the event, or by "
        "comparing with Stripe soon after.",
        ("I1", "I11", "I12"),
        """
        SELECT count(*) FROM recoveries AS r JOIN invoices AS i
          ON i.account_id = r.account_id AND i.livemode = r.livemode AND i.id = r.invoice_id
        WHERE r.closed_at IS NULL AND i.status IN ('paid', 'void', 'uncollectible')
          AND r.status <> 'attempting' AND COALESCE(i.paid_at, r.failed_at) < :late""",
        late_after=timedelta(hours=2),
    ),
    Law(
        "no reading is applied that was not begun",
        "Of two readings of an invoice the one that was begun last wins.",
        ("I12",),
        "SELECT count(*) FROM invoices WHERE applied_ticket > read_ticket",
    ),
    Law(
        "the queue has a line for each recovery, with its status",
        "What staff see is what is so.",
        ("I13",),
        """
        SELECT count(*) FROM recoveries AS r LEFT JOIN queue_items AS q ON q.recovery_id = r.id
        WHERE q.recovery_id IS NULL OR q.status <> r.status""",
    ),
    Law(
        "no task is open after the recovery was closed",
        "Nobody is asked to call about what is settled.",
        ("I15",),
        """
        SELECT count(*) FROM staff_tasks AS t JOIN recoveries AS r ON r.id = t.recovery_id
        WHERE t.state = 'open' AND r.closed_at IS NOT NULL""",
    ),
)

WORDS: Final = (
    Law(
        "no message after the recovery was closed",
        "Nobody is written to about what is settled; hosts' clocks may differ a little.",
        ("I15",),
        """
        SELECT count(*) FROM messages AS m JOIN recoveries AS r ON r.id = m.recovery_id
        WHERE m.sent_at > AHEAD(r.closed_at, 10) AND NOT r.late""",
    ),
    Law(
        "no mail to an address that bounced, complained or is left alone",
        "An address on the list gets nothing; whoever only wants no friendly notices still hears of a debt.",
        ("I15",),
        """
        SELECT count(*) FROM messages AS m JOIN suppressions AS s ON s.address = lower(m.address)
        WHERE s.account_id IN (m.account_id, 'self') AND s.reason <> 'unsubscribed'
          AND m.sent_at > AHEAD(s.added_at, 10) AND (s.released_at IS NULL OR m.sent_at < s.released_at)""",
    ),
    Law(
        "an erased person stays erased",
        "Of a customer who was erased neither name nor address is kept, and none comes back.",
        ("I28",),
        """
        SELECT count(*) FROM erasures AS e JOIN customers AS c
          ON c.account_id = e.account_id AND c.livemode = e.livemode AND c.id = e.customer_id
        WHERE e.finished_at IS NOT NULL AND (c.email IS NOT NULL OR c.name IS NOT NULL)""",
    ),
    Law(
        "a step is sent to a recipient once",
        "One row, so one mail, for each recovery, step, occurrence, channel and recipient.",
        ("I10", "I14"),
        """
        SELECT count(*) FROM (
            SELECT 1 FROM messages
            GROUP BY recovery_id, step, occurrence, channel, recipient HAVING count(*) > 1) AS broken""",
    ),
    Law(
        "a notice is sent once",
        "One row, so one mail, for each kind of notice and what it is about.",
        ("I10", "I14"),
        """
        SELECT count(*) FROM (
            SELECT 1 FROM notices
            GROUP BY account_id, livemode, kind, about HAVING count(*) > 1) AS broken""",
    ),
    Law(
        "no message left before its text was kept",
        "What was sent can be shown word for word.",
        ("I3",),
        "SELECT count(*) FROM messages WHERE state = 'sent' AND body_text IS NULL AND channel = 'email'",
    ),
    Law(
        "no link acts after it has expired",
        "The button of a link mints nothing once the link is too old.",
        ("I24",),
        "SELECT count(*) FROM links WHERE last_used_at > expires_at",
    ),
)

PUNCTUAL: Final = (
    Law(
        "no event is left behind",
        "A kept event is handled within a quarter of an hour, or parked for a person.",
        ("I9", "I13"),
        "SELECT count(*) FROM events WHERE state = 'new' AND received_at < :late",
        late_after=SOON,
    ),
    Law(
        "no attempt is left behind",
        "An attempt that is due is asked and answered, or is known not to be known.",
        ("I5", "I13", "I20"),
        "SELECT count(*) FROM attempts WHERE state IN ('planned', 'asking') AND at < :late",
        late_after=SOON,
        may_wait=True,
    ),
    Law(
        "no unknown charge is left alone",
        "What became of a charge is known after some looks, or a person is called within four days.",
        ("I5",),
        """
        SELECT count(*) FROM attempts
        WHERE state = 'unknown' AND abandoned_at IS NULL AND asked_at < :late""",
        late_after=timedelta(days=4),
        may_wait=True,
    ),
    Law(
        "no recovery is left behind",
        "A retry that is due is made.",
        ("I13", "I19", "I20"),
        "SELECT count(*) FROM recoveries WHERE status = 'scheduled' AND next_attempt_at < :late",
        late_after=SOON,
        may_wait=True,
    ),
    Law(
        "no message is left behind",
        "A message that a sender has taken is sent, or its fate is shown as unknown.",
        ("I13", "I14"),
        "SELECT count(*) FROM messages WHERE state = 'sending' AND due_at < :late",
        late_after=SOON,
        may_wait=True,
    ),
    Law(
        "no notice is left behind",
        "As with messages.",
        ("I13", "I14"),
        "SELECT count(*) FROM notices WHERE state = 'sending' AND due_at < :late",
        late_after=SOON,
        may_wait=True,
    ),
    Law(
        "no errand is left behind",
        "What else is to be done at Stripe is done when it is due.",
        ("I13",),
        "SELECT count(*) FROM errands WHERE ring_at < :late",
        late_after=SOON,
        may_wait=True,
    ),
    Law(
        "events are compared with Stripe's own list",
        "What did not come by webhook is fetched: the last comparison is a day old at most.",
        ("I9",),
        "SELECT count(*) FROM switches WHERE name = 'chore:reconcile' AND changed_at < :late",
        late_after=timedelta(hours=26),
    ),
)
