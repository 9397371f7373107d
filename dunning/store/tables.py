"""All tables, by name.

One set for PostgreSQL and SQLite. Every row of a merchant's carries `account_id` (`self`, or `acct_…` from
Connect) and `livemode`; amounts are integer minor units beside a currency; instants are UTC. `ring_at` is the
one indexed due time of a row: the clock moves it forward when it rings, so that a poll never walks over what
is taken. The database repeats the laws that the code keeps: see the CHECKs and the partial unique indexes.
"""

from dunning.store.schema import metadata
from dunning.store.tables_of_campaigns import campaign_arms, campaign_drafts, campaign_rules, staff_tasks
from dunning.store.tables_of_contact import (
    ledger_entries,
    links,
    messages,
    notes,
    segments,
    suppressions,
    switches,
)
from dunning.store.tables_of_data import erasures
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
from dunning.store.tables_of_mail import brandings, mail_events, mail_texts
from dunning.store.tables_of_notices import link_turns, notices, renewals
from dunning.store.tables_of_outside import announcements, contacts, listeners
from dunning.store.tables_of_people import (
    api_answers,
    api_tokens,
    audit_head,
    audit_log,
    login_tries,
    sessions,
    user_links,
    users,
)
from dunning.store.tables_of_queue import (
    approvals,
    bulk_rows,
    bulk_runs,
    customer_usage,
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
    "announcements",
    "api_answers",
    "api_tokens",
    "approvals",
    "assignments",
    "attempts",
    "audit_head",
    "audit_log",
    "balance_breaks",
    "balance_lines",
    "balance_proofs",
    "brandings",
    "bulk_rows",
    "bulk_runs",
    "campaign_arms",
    "campaign_drafts",
    "campaign_rules",
    "campaigns",
    "card_rules",
    "cards",
    "closed_months",
    "contacts",
    "customer_usage",
    "customers",
    "erasures",
    "errands",
    "events",
    "finance_mails",
    "gaps",
    "import_lists",
    "imports",
    "invoices",
    "ledger_entries",
    "link_turns",
    "links",
    "listeners",
    "lives",
    "login_tries",
    "mail_events",
    "mail_texts",
    "messages",
    "metadata",
    "notes",
    "notices",
    "past_charges",
    "past_invoices",
    "past_payments",
    "planners",
    "plans",
    "policies",
    "queue_items",
    "recoveries",
    "renewals",
    "reopened_months",
    "rollup_cells",
    "rollup_marks",
    "rollup_state",
    "rollup_stories",
    "saved_views",
    "search_words",
    "segments",
    "sessions",
    "staff_changes",
    "staff_tasks",
    "subscriptions",
    "suppressions",
    "switches",
    "user_links",
    "users",
    "withheld",
]
