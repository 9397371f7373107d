"""The laws of money: what is charged, once and for a reason, and where it is booked."""

from datetime import timedelta
from typing import Final

from dunning.store.law import Law

CHARGES: Final = (
    Law(
        "one open recovery per invoice",
        "An invoice has one recovery that is not closed.",
        ("I1", "I10"),
        """
        SELECT count(*) FROM (
            SELECT 1 FROM recoveries WHERE closed_at IS NULL
            GROUP BY account_id, livemode, invoice_id HAVING count(*) > 1) AS broken""",
    ),
    Law(
        "one unfinished attempt per invoice",
        "An invoice has one attempt that is planned, asking, unknown or processing.",
        ("I4",),
        """
        SELECT count(*) FROM (
            SELECT 1 FROM attempts WHERE state IN ('planned', 'asking', 'unknown', 'processing')
            GROUP BY account_id, livemode, invoice_id HAVING count(*) > 1) AS broken""",
    ),
    Law(
        "no charge was asked while another was unfinished",
        "A charge is asked after the one before it on its invoice has ended, but for what clocks differ.",
        ("I4", "I5"),
        """
        SELECT count(*) FROM attempts AS a JOIN attempts AS b
          ON b.account_id = a.account_id AND b.livemode = a.livemode AND b.invoice_id = a.invoice_id
         AND b.ordinal < a.ordinal
        WHERE a.asked_at IS NOT NULL AND b.asked_at IS NOT NULL
          AND (b.finished_at IS NULL OR b.finished_at > AHEAD(a.asked_at, 10))""",
    ),
    Law(
        "at most one of our charges pays an invoice",
        "Of all charges that we asked for an invoice one at most is paid.",
        ("I1",),
        """
        SELECT count(*) FROM (
            SELECT 1 FROM attempts WHERE state = 'paid' AND ordinal IS NOT NULL
            GROUP BY account_id, livemode, invoice_id HAVING count(*) > 1) AS broken""",
    ),
    Law(
        "every charge has its key",
        "The key of a charge is derived from account, invoice and ordinal, so that it survives a lost row.",
        ("I2", "I3"),
        """
        SELECT count(*) FROM attempts
        WHERE ordinal IS NOT NULL
          AND idempotency_key <> 'v1:pay:' || account_id || ':' || invoice_id || ':' || ordinal""",
    ),
    Law(
        "a charge that was asked has its parameters frozen",
        "What was asked under a key is kept, so that it can be asked again word for word.",
        ("I2", "I3"),
        """
        SELECT count(*) FROM attempts
        WHERE ordinal IS NOT NULL AND asked_at IS NOT NULL AND parameters IS NULL""",
    ),
    Law(
        "no charge after the recovery was closed",
        "Nothing is asked for an invoice known to be settled or given up; hosts' clocks may differ a little.",
        ("I1",),
        """
        SELECT count(*) FROM attempts AS a JOIN recoveries AS r ON r.id = a.recovery_id
        WHERE a.asked_at > AHEAD(r.closed_at, 10) AND NOT r.late""",
    ),
    Law(
        "no charge by us while Stripe owns the retries",
        "Where the mode is our own collection, nothing is charged before the invoice was taken over.",
        ("I8",),
        """
        SELECT count(*) FROM attempts AS a JOIN recoveries AS r ON r.id = a.recovery_id
        WHERE a.ordinal IS NOT NULL AND r.retries = 'own' AND a.state <> 'not_sent' AND NOT r.taken_over
          AND r.closed_at IS NULL AND a.asked_at IS NOT NULL
          AND (r.contradicted_at IS NULL OR a.asked_at > AHEAD(r.contradicted_at, 10))""",
    ),
    Law(
        "our charges of a card keep Visa's budget",
        "Visa allows 15 tries of a card in 30 days; ours alone never pass it.",
        ("I7",),
        """
        SELECT count(*) FROM attempts AS a
        WHERE a.ordinal IS NOT NULL AND a.asked_at > :since AND a.brand = 'visa'
          AND a.state NOT IN ('moot', 'not_sent', 'cancelled') AND 15 < (
            SELECT count(*) FROM attempts AS b
            WHERE b.fingerprint = a.fingerprint AND b.at <= a.at AND b.at > BACK(a.at, 30)
              AND b.ordinal IS NOT NULL AND b.state NOT IN ('moot', 'not_sent', 'cancelled'))""",
    ),
)

BOOKS: Final = (
    Law(
        "a recovered invoice has its money in the ledger",
        "What was recovered is what the invoice asked for at opening, less what was credited since.",
        ("I1", "I16"),
        """
        SELECT count(*) FROM recoveries AS r
        LEFT JOIN invoices AS i
          ON i.account_id = r.account_id AND i.livemode = r.livemode AND i.id = r.invoice_id
        WHERE r.status = 'recovered' AND NOT coalesce(
            (SELECT sum(l.amount) FROM ledger_entries AS l
             WHERE l.recovery_id = r.id AND l.kind = 'recovered'), 0)
            BETWEEN r.amount - coalesce(i.amount_credited - r.credited_before, 0) AND r.amount""",
    ),
    Law(
        "an invoice that is not recovered was paid in part at most",
        "Money that settles an invoice makes it recovered.",
        ("I6", "I16"),
        """
        SELECT count(*) FROM recoveries AS r WHERE r.status <> 'recovered' AND
            (SELECT sum(l.amount) FROM ledger_entries AS l
             WHERE l.recovery_id = r.id AND l.kind = 'recovered') >= r.amount""",
    ),
    Law(
        "the ledger names the reason of the recovery",
        "Who is credited on the recovery's page is credited in the books.",
        ("I6",),
        """
        SELECT count(*) FROM recoveries AS r WHERE r.status = 'recovered'
          AND EXISTS (SELECT 1 FROM ledger_entries AS l
                      WHERE l.recovery_id = r.id AND l.kind = 'recovered')
          AND NOT EXISTS (SELECT 1 FROM ledger_entries AS l
                          WHERE l.recovery_id = r.id AND l.kind = 'recovered' AND l.reason = r.reason)""",
    ),
    Law(
        "a charge of ours that paid is in the ledger",
        "A paid attempt has its money booked on the same recovery.",
        ("I6", "I16"),
        """
        SELECT count(*) FROM attempts AS a
        WHERE a.state = 'paid' AND a.ordinal IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM ledger_entries AS l
            WHERE l.recovery_id = a.recovery_id AND l.kind = 'recovered')""",
    ),
    Law(
        "what is credited to our retries we have charged",
        "No recovery is credited to a retry of ours without a charge of ours that paid.",
        ("I6",),
        """
        SELECT count(*) FROM recoveries AS r WHERE r.reason = 'our_retry' AND NOT EXISTS (
            SELECT 1 FROM attempts AS a
            WHERE a.recovery_id = r.id AND a.state = 'paid' AND a.ordinal IS NOT NULL)""",
    ),
    Law(
        "an amount has the sign of its kind",
        "Money that came is positive, money that went back negative; a refund that failed came back.",
        ("I16", "I18"),
        """
        SELECT count(*) FROM ledger_entries
        WHERE (kind IN ('recovered', 'dispute_reversal') AND amount < 0)
           OR (kind IN ('dispute', 'reversal') AND amount > 0)
           OR (kind = 'refund' AND source_id LIKE '%_failed' AND amount < 0)
           OR (kind = 'refund' AND source_id NOT LIKE '%_failed' AND amount > 0)""",
    ),
    Law(
        "an entry has the currency of its recovery",
        "No sum over two currencies.",
        ("I18",),
        """
        SELECT count(*) FROM ledger_entries AS l JOIN recoveries AS r ON r.id = l.recovery_id
        WHERE l.currency <> r.currency""",
    ),
    Law(
        "an entry was recorded after it happened",
        "Nothing is booked ahead; a host's clock may be an hour off.",
        ("I17",),
        "SELECT count(*) FROM ledger_entries WHERE at > AHEAD(recorded_at, 3600)",
    ),
    Law(
        "the ledger is Stripe's balance",
        "A difference that the nightly proof found is explained within two days.",
        ("I16",),
        "SELECT count(*) FROM balance_breaks WHERE found_at < :late",
        late_after=timedelta(days=2),
    ),
)
