"""The definitions behind the figures of the recovered-revenue report, printed beside them."""

from typing import Final

FIGURES: Final = {
    "failed": "Invoices whose payment failed in the period, at the amount that remained unpaid then.",
    "recovered": "Of those, what has been paid since, by anyone and any means, in whatever month.",
    "lost": "Of those, what was still unpaid when the recovery window or the attempts were used up.",
    "stopped": "Of those, what was given up for a reason: voided, credited, cancelled, disputed or by staff.",
    "open": "Of those, what is still being collected.",
    "refunded": "Refunds since, of payments counted as recovered.",
    "disputed": "Payments counted as recovered that a dispute has withdrawn, less what came back.",
    "credited": "Credit notes since, on invoices counted as recovered.",
    "net": "Recovered, less refunded, disputed and credited.",
}

CASH_FIGURES: Final = FIGURES | {
    "recovered": "What was paid in the period on invoices that had failed before, whenever they failed.",
    "refunded": "Refunds made in the period, of payments counted as recovered.",
    "disputed": "Disputes of the period on payments counted as recovered, less what came back.",
    "credited": "Credit notes of the period on invoices counted as recovered.",
}

BASES: Final = {
    "cohort": "Cohort: the failures of the period, and what became of them until now.",
    "cash": "Cash: the money that arrived in the period, whenever the invoice failed.",
}

REASONS: Final = {
    "customer_card_update": "Paid with a card that came after our message or link.",
    "customer_payment": "Paid by the customer on a payment page.",
    "account_updater": "Paid after the card network renewed the card's details.",
    "backup_card": "Paid with another card the customer had on file.",
    "staff": "Paid by a charge that staff asked for.",
    "our_retry": "Paid by a retry that dunning timed.",
    "stripe_retry": "Paid by a retry of Stripe's own.",
    "merchant": "Paid by a charge from the Dashboard or the merchant's API.",
    "out_of_band": "Marked as paid outside Stripe, or settled by credit.",
}

IMPORTED: Final = (
    "Imported history: invoices that failed before dunning was there, as Stripe's lists or an export tell of "
    "them. It is in none of the other figures, dunning recovered none of it, and refunds, disputes and "
    "credit notes from before the import are not in it."
)
