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
from dunning.store.tables_of_finance import (
    balance_breaks,
    balance_lines,
    balance_proofs,
    closed_months,
    finance_mails,
    lives,
    reopened_months,
    rollup_cells,
    rollup_marks,
    rollup_state,
    rollup_stories,
)
from dunning.store.tables_of_history import (
    gaps,
    import_lists,
    imports,
    past_charges,
    past_invoices,
    past_payments,
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
    "assignments",
    "attempts",
    "balance_breaks",
    "balance_lines",
    "balance_proofs",
    "campaigns",
    "card_rules",
    "cards",
    "closed_months",
    "customers",
    "errands",
    "events",
    "finance_mails",
    "gaps",
    "import_lists",
    "imports",
    "invoices",
    "ledger_entries",
    "links",
    "lives",
    "messages",
    "metadata",
    "notes",
    "past_charges",
    "past_invoices",
    "past_payments",
    "planners",
    "plans",
    "policies",
    "recoveries",
    "reopened_months",
    "rollup_cells",
    "rollup_marks",
    "rollup_state",
    "rollup_stories",
    "segments",
    "subscriptions",
    "suppressions",
    "switches",
    "withheld",
]
