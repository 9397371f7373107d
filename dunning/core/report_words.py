"""The words of the grouped reports: what can be counted (subjects and measures), and how it can be cut.

One design for every report: a subject is a kind of fact with a day, a measure a whole number that adds up
over facts (amounts in minor units of one currency), a dimension gives each fact one key.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from dunning.core.vocabulary import Reason

HORIZONS: Final = (1, 3, 7, 14, 30, 60)  # days after the failure, of the cohort curve


class Subject(StrEnum):
    """A kind of fact, and the day it belongs to."""

    FAILURES = "failures"  # a recovery, on the day its payment failed
    CASH = "cash"  # an entry of the ledger, on the day the money moved
    ENDINGS = "endings"  # a recovery that was given up, on the day it was closed
    ATTEMPTS = "attempts"  # one try to collect, by anyone
    MESSAGES = "messages"  # one message, on the day it was sent or due


WITHIN: Final = tuple(f"within_{days}" for days in HORIZONS)
MONEY_BACK: Final = ("refunded", "disputed", "credited")
FATES: Final = ("failed", "recovered", "lost", "stopped", "open")

MEASURES: Final[Mapping[Subject, Mapping[str, str]]] = {
    Subject.FAILURES: {
        "count": "Invoices whose payment failed.",
        "recovered_count": "Of those, invoices paid since.",
        "open_count": "Of those, invoices still being collected.",
        "failed": "What remained unpaid when they failed.",
        "recovered": "Of that, what has been paid since.",
        "lost": "Of that, what was unpaid when window or attempts were used up.",
        "stopped": "Of that, what was given up for a reason.",
        "open": "Of that, what is still being collected.",
        "refunded": "Refunds since.",
        "disputed": "Disputes since, less what came back.",
        "credited": "Credit notes since.",
        "fees": "Stripe's fees on these payments, where its balance transactions are known.",
        "hours": "Whole hours from failure to payment, summed over recovered invoices.",
        **{
            name: f"Paid within {days} {'day' if days == 1 else 'days'} of the failure."
            for days, name in zip(HORIZONS, WITHIN, strict=True)
        },
    },
    Subject.CASH: {
        "recovered_count": "Payments that brought recovered money.",
        "recovered": "What was paid.",
        "refunded": "Refunds.",
        "disputed": "Disputes, less what came back.",
        "credited": "Credit notes.",
        "fees": "Stripe's fees on these payments, where its balance transactions are known.",
    },
    Subject.ENDINGS: {
        "count": "Recoveries that were given up.",
        "lost": "What was unpaid when window or attempts were used up.",
        "stopped": "What was given up for a reason.",
    },
    Subject.ATTEMPTS: {
        "tried": "Attempts that the bank or its network answered.",
        "paid": "Of those, attempts that paid.",
        "not_sent": "Attempts that Stripe refused before the network.",
        "after_stop": "Attempts on a card after its network had said stop, for which it publishes a fee.",
        "beyond_budget": (
            "Attempts on one card for one invoice beyond what its network allows in a window, as published; "
            "other invoices on the card are not counted with it."
        ),
        "tried_amount": "What they asked for.",
        "paid_amount": "What they brought.",
    },
    Subject.MESSAGES: {
        "messages": "Messages that were planned.",
        "sent": "Of those, sent.",
        "unsent": "Of those, skipped or failed.",
        "clicked": "Of those sent, whose link was used.",
        "paid": "Of those sent, the last one before the invoice was paid.",
        "paid_amount": "What was paid after them.",
    },
}
NAMES: Final = tuple(dict.fromkeys(name for measures in MEASURES.values() for name in measures))
AMOUNTS: Final = frozenset(
    {*FATES, *MONEY_BACK, "fees", "tried_amount", "paid_amount", *WITHIN, "net", "net_of_fees"},
)

_OF_RECOVERY: Final = (
    "reason",
    "credited_to",
    "decline_class",
    "decline_code",
    "invoice_class",
    "campaign",
    "campaign_version",
    "brand",
    "funding",
    "country",
    "plan",
    "segment",
)
DIMENSIONS: Final[Mapping[Subject, tuple[str, ...]]] = {
    Subject.FAILURES: ("all", *_OF_RECOVERY, "hour", "weekday", "attempts", "time_to_recover", "ending"),
    Subject.CASH: ("all", *_OF_RECOVERY, "hour", "weekday", "attempt", "step", "failed_day"),
    Subject.ENDINGS: ("all", *_OF_RECOVERY, "ending"),
    Subject.ATTEMPTS: (
        "all",
        "number",
        "hour",
        "weekday",
        "made_by",
        "decline_class",
        "decline_code",
        "brand",
        "funding",
        "country",
        "invoice_class",
        "plan",
        "segment",
        "policy_version",
    ),
    Subject.MESSAGES: ("all", "step", "campaign_version", "channel", "template", "decline_class"),
}

CREDITED_TO: Final = {
    Reason.CUSTOMER_CARD_UPDATE: "ours",
    Reason.BACKUP_CARD: "ours",
    Reason.OUR_RETRY: "ours",
    Reason.STAFF: "staff",
    Reason.CUSTOMER_PAYMENT: "customer",
    Reason.ACCOUNT_UPDATER: "stripe",
    Reason.STRIPE_RETRY: "stripe",
    Reason.MERCHANT: "merchant",
    Reason.OUT_OF_BAND: "merchant",
}
TIME_BUCKETS: Final = (  # hours, and a key that sorts; the screen has words for it
    (1, "0001"),
    (6, "0006"),
    (24, "0024"),
    (72, "0072"),
    (168, "0168"),
    (336, "0336"),
    (720, "0720"),
)
LATER: Final = "9999"
