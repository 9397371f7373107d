"""All tables, by name.

One set for PostgreSQL and SQLite. Every row of a merchant's carries `account_id` (`self`, or `acct_…` from
Connect) and `livemode`; amounts are integer minor units beside a currency; instants are UTC. `ring_at` is the
one indexed due time of a row: the clock moves it forward when it rings, so that a poll never walks over what
is taken. The database repeats the laws that the code keeps: see the CHECKs and the partial unique indexes.
"""

from dunning.store.schema import metadata
from dunning.store.tables_of_contact import (
    ledger_entries,
    links,
    messages,
    notes,
    segments,
    suppressions,
    switches,
)
from dunning.store.tables_of_history import (
    gaps,
    import_lists,
    imports,
    past_charges,
    past_invoices,
    past_payments,
)
from dunning.store.tables_of_queue import (
    approvals,
    bulk_rows,
    bulk_runs,
    queue_items,
    saved_views,
    search_words,
    staff_changes,
)
from dunning.store.tables_of_recovery import (
    assignments,
    attempts,
    campaigns,
    errands,
    planners,
    plans,
    policies,
    recoveries,
)
from dunning.store.tables_of_rules import card_rules, withheld
from dunning.store.tables_of_stripe import cards, customers, events, invoices, subscriptions

__all__ = [
    "approvals",
    "assignments",
    "attempts",
    "bulk_rows",
    "bulk_runs",
    "campaigns",
    "card_rules",
    "cards",
    "customers",
    "errands",
    "events",
    "gaps",
    "import_lists",
    "imports",
    "invoices",
    "ledger_entries",
    "links",
    "messages",
    "metadata",
    "notes",
    "past_charges",
    "past_invoices",
    "past_payments",
    "planners",
    "plans",
    "policies",
    "queue_items",
    "recoveries",
    "saved_views",
    "search_words",
    "segments",
    "staff_changes",
    "subscriptions",
    "suppressions",
    "switches",
    "withheld",
]
