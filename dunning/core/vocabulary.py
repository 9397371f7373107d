"""The words of the project that are also values in the database: statuses, states, reasons, modes.

One word per thing, the same in code, tables, logs and screens.
"""

from enum import StrEnum
from typing import Final


class Status(StrEnum):
    """Where a recovery stands."""

    SCHEDULED = "scheduled"  # the next attempt has a date
    ATTEMPTING = "attempting"
    WAITING = "waiting"  # only the customer can help
    PAUSED = "paused"  # by staff, with an end date and a reason
    WATCHING = "watching"  # Stripe owns the retries
    RECOVERED = "recovered"
    LOST = "lost"  # window or budget used up
    STOPPED = "stopped"  # voided, credited, cancelled, disputed, written off, staff


CLOSED: Final = frozenset({Status.RECOVERED, Status.LOST, Status.STOPPED})
OPEN: Final = frozenset(Status) - CLOSED


class AttemptState(StrEnum):
    """How far one try to collect has come."""

    PLANNED = "planned"  # claimed; nothing was asked yet
    ASKING = "asking"  # Stripe may be executing it right now
    UNKNOWN = "unknown"  # asked, and no answer that can be trusted
    PROCESSING = "processing"  # a bank debit on its way
    PAID = "paid"
    DECLINED = "declined"
    NEEDS_ACTION = "needs_action"  # the customer must authenticate
    MOOT = "moot"  # settled by someone else meanwhile
    NOT_SENT = "not_sent"  # refused before the network
    CANCELLED = "cancelled"


UNFINISHED: Final = frozenset(
    {AttemptState.PLANNED, AttemptState.ASKING, AttemptState.UNKNOWN, AttemptState.PROCESSING},
)
COSTS_BUDGET: Final = frozenset(
    {AttemptState.PAID, AttemptState.DECLINED, AttemptState.NEEDS_ACTION, *UNFINISHED},
)

NETWORK_ANSWERED: Final = frozenset({AttemptState.PAID, AttemptState.DECLINED, AttemptState.NEEDS_ACTION})


class MadeBy(StrEnum):
    """Who asked for an attempt."""

    DUNNING = "dunning"
    STRIPE = "stripe"
    CUSTOMER = "customer"
    MERCHANT = "merchant"
    STAFF = "staff"


class Reason(StrEnum):
    """Whom a recovered invoice is credited to; each has exactly one, the first that holds in this order."""

    CUSTOMER_CARD_UPDATE = "customer_card_update"
    CUSTOMER_PAYMENT = "customer_payment"
    ACCOUNT_UPDATER = "account_updater"
    BACKUP_CARD = "backup_card"
    STAFF = "staff"
    OUR_RETRY = "our_retry"
    STRIPE_RETRY = "stripe_retry"
    MERCHANT = "merchant"
    OUT_OF_BAND = "out_of_band"


OVERDUE: Final = "invoice_overdue"  # in place of a decline code: sent by hand, past its date, never charged


class ClosedReason(StrEnum):
    """Why a recovery was lost or stopped."""

    WINDOW = "window"
    BUDGET = "budget"
    VOIDED = "voided"
    UNCOLLECTIBLE = "uncollectible"
    CREDITED = "credited"
    INVOICE_DELETED = "invoice_deleted"
    SUBSCRIPTION_CANCELLED = "subscription_cancelled"
    CUSTOMER_DELETED = "customer_deleted"
    DISPUTED = "disputed"
    FRAUD_WARNING = "fraud_warning"
    STAFF = "staff"
    WRITTEN_OFF = "written_off"


class Retries(StrEnum):
    """Who retries: Stripe while we watch, both in turns, or we alone."""

    WATCH = "watch"
    WEAVE = "weave"
    OWN = "own"


class MessageState(StrEnum):
    """How far one message has come."""

    PLANNED = "planned"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"  # the provider may have accepted it; never sent again
    SKIPPED = "skipped"
    FAILED = "failed"


class Channel(StrEnum):
    """How one step reaches somebody."""

    EMAIL = "email"
    SMS = "sms"
    IN_APP = "in_app"  # a banner in the merchant's own app
    WEBHOOK = "webhook"  # a signed event for the merchant's own systems
    CALL = "call"  # a task for staff


class Recipient(StrEnum):
    """Whom one step reaches; the address is read when it goes out."""

    CUSTOMER = "customer"
    SECOND_CONTACT = "second_contact"
    STAFF = "staff"


class TaskKind(StrEnum):
    """What a person is asked to do for a recovery."""

    CALL = "call"


class TaskState(StrEnum):
    """How far one task of the staff has come."""

    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"  # not needed any more


class MailEventKind(StrEnum):
    """What a provider reported of a mail or an address."""

    DELIVERED = "delivered"
    SOFT_BOUNCE = "soft_bounce"  # not now: a full mailbox, a server that is down
    HARD_BOUNCE = "hard_bounce"  # never: no such mailbox
    COMPLAINT = "complaint"  # the recipient called it spam
    UNSUBSCRIBED = "unsubscribed"


class SuppressionReason(StrEnum):
    """Why an address must not be written to."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"  # from friendly notices only: what is owed is still told
    STAFF = "staff"
    STOPPED_TEXTS = "sms_stop"  # its owner answered STOP to a text


class ErrandKind(StrEnum):
    """What is done at Stripe for a recovery, besides charging."""

    REPLACE_CARD = "replace_card"  # the field that named the failed card names the new one
    COLLECT_DRAFTS = "collect_drafts"  # finalise what piled up while the subscription was unpaid
    MARK_UNCOLLECTIBLE = "mark_uncollectible"
    CANCEL_SUBSCRIPTION = "cancel_subscription"
    PAUSE_SUBSCRIPTION = "pause_subscription"


class ErrandState(StrEnum):
    """How far one errand has come."""

    PLANNED = "planned"
    ASKING = "asking"  # Stripe may be carrying it out right now
    DONE = "done"
    DROPPED = "dropped"  # not wanted any more
    REFUSED = "refused"  # Stripe said no for good


class EventState(StrEnum):
    """How far one event from Stripe has come."""

    NEW = "new"
    HANDLED = "handled"
    IGNORED = "ignored"
    PARKED = "parked"  # raised again and again; staff must look


class InvoiceClass(StrEnum):
    """What kind of invoice failed; each class may have its own policy."""

    FIRST = "first"
    TRIAL_END = "trial_end"
    RENEWAL = "renewal"
    ONE_OFF = "one_off"


class LedgerKind(StrEnum):
    """What moved a recovered amount."""

    RECOVERED = "recovered"
    REFUND = "refund"
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    CREDIT_NOTE = "credit_note"
    REVERSAL = "reversal"


class WithheldBy(StrEnum):
    """What forbade an attempt that was due."""

    BUDGET = "budget"  # the network's, for the card
    STOP_CODE = "stop_code"  # of the network's own: it charges for a try after it
    HARD_DECLINE = "hard_decline"  # another refusal for good, for which no network publishes a fee


class FitVerdict(StrEnum):
    """Whether a fitted planner was put into service."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # worse than the one in service, beyond noise


class Experiment(StrEnum):
    """What a share of the customers goes without, so that its worth can be measured."""

    RETRIES = "retries"  # the planner's times; the share keeps the plain ladder
    MESSAGES = "messages"  # the campaign's messages


class Arm(StrEnum):
    """Which side of an experiment a customer is on."""

    HOLDOUT = "holdout"
    TREATED = "treated"


class BulkAction(StrEnum):
    """What staff may do to many recoveries at once."""

    RETRY = "retry"
    SNOOZE = "snooze"
    ASSIGN = "assign"
    NOTE = "note"
    PAUSE = "pause"
    MOVE = "move"
    WRITE_OFF = "write_off"
    STOP = "stop"


class BulkState(StrEnum):
    """How far a bulk action has come."""

    SHOWN = "shown"  # it says what it would do; nothing is done before a person says go
    RUNNING = "running"
    DONE = "done"


class BulkRowState(StrEnum):
    """What becomes of one recovery in a bulk action."""

    PLANNED = "planned"
    DONE = "done"
    SKIPPED = "skipped"
