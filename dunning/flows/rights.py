"""The rights that a restricted Stripe key needs, and what for.

Source of the names: the permission list of the Dashboard's page for new restricted keys, and
https://docs.stripe.com/keys/restricted-api-keys
"""

from dataclasses import dataclass
from typing import Final

KEYS_PAGE: Final = "https://dashboard.stripe.com/apikeys/create"


@dataclass(frozen=True, slots=True)
class Right:
    """One line of the Dashboard's permission list; Write includes Read."""

    resource: str
    access: str
    why: str


RIGHTS: Final = (
    Right("Customers", "Read", "name, address and default card of who owes"),
    Right("Payment Methods", "Read", "which other cards a customer has on file"),
    Right("Charges and Refunds", "Read", "what was declined, paid and given back"),
    Right("PaymentIntents", "Read", "the decline code behind a failed invoice"),
    Right("Disputes", "Read", "recovered money that is taken back"),
    Right("Balance", "Read", "the nightly proof of the ledger, and Stripe's fees"),
    Right("Events", "Read", "events that could not be delivered"),
    Right("Invoices", "Write", "read them, pay them, take over or give back their collection"),
    Right("Customer portal", "Write", "the page on which a customer enters a new card"),
    Right("Subscriptions", "Write", "cancel one as the last resort, if your policy says so; else Read"),
    Right(
        "Webhook Endpoints", "Read", "doctor checks the endpoint; Write for `dunning stripe webhook create`"
    ),
)
