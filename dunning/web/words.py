"""How values read on a staff page: money, instants, ages, statuses, declines, links to Stripe."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Protocol

from babel import Locale

from dunning.core.campaign import When
from dunning.core.declines import BUILT_IN, TABLE, Decline, DeclineTable, staff_wording
from dunning.core.money import Money
from dunning.core.people import Role
from dunning.core.triage import Cause
from dunning.core.vocabulary import (
    Arm,
    AttemptState,
    Channel,
    ClosedReason,
    ErrandKind,
    ErrandState,
    Experiment,
    InvoiceClass,
    MadeBy,
    MessageState,
    Reason,
    Retries,
    Status,
    WithheldBy,
)
from dunning.mail.formats import money as written_money

ENGLISH: Final = Locale("en")

# word, icon, tone
STATUS: Final[dict[str, tuple[str, str, str]]] = {
    Status.SCHEDULED: ("Scheduled", "clock", "info"),
    Status.ATTEMPTING: ("Attempting", "spinner", "info"),
    Status.WAITING: ("Waiting for customer", "person", "warn"),
    Status.PAUSED: ("Paused", "pause", "mute"),
    Status.WATCHING: ("Watching Stripe", "eye", "mute"),
    Status.RECOVERED: ("Recovered", "check", "good"),
    Status.LOST: ("Lost", "cross", "bad"),
    Status.STOPPED: ("Stopped", "stop", "mute"),
}
ATTEMPT: Final[dict[str, tuple[str, str, str]]] = {
    AttemptState.PLANNED: ("about to ask", "clock", "info"),
    AttemptState.ASKING: ("asking the bank", "spinner", "info"),
    AttemptState.UNKNOWN: ("outcome unknown, being read", "spinner", "warn"),
    AttemptState.PROCESSING: ("bank debit on its way", "spinner", "info"),
    AttemptState.PAID: ("paid", "check", "good"),
    AttemptState.DECLINED: ("declined", "cross", "bad"),
    AttemptState.NEEDS_ACTION: ("needs the customer to confirm", "person", "warn"),
    AttemptState.MOOT: ("settled by someone else meanwhile", "check", "mute"),
    AttemptState.NOT_SENT: ("not sent to the bank", "stop", "mute"),
    AttemptState.CANCELLED: ("cancelled", "stop", "mute"),
}
MESSAGE: Final[dict[str, tuple[str, str]]] = {
    MessageState.PLANNED: ("planned", "mute"),
    MessageState.SENDING: ("being sent", "info"),
    MessageState.SENT: ("sent", "good"),
    MessageState.UNKNOWN: ("perhaps sent; never sent again", "warn"),
    MessageState.SKIPPED: ("skipped", "mute"),
    MessageState.FAILED: ("failed", "bad"),
}
ARM: Final[dict[tuple[str, str], str]] = {
    (Experiment.RETRIES, Arm.HOLDOUT): "Held out: retried by the plain ladder",
    (Experiment.RETRIES, Arm.TREATED): "Retried by the planner",
    (Experiment.MESSAGES, Arm.HOLDOUT): "Held out: gets no messages",
    (Experiment.MESSAGES, Arm.TREATED): "Gets messages",
}
MADE_BY: Final[dict[str, str]] = {
    MadeBy.DUNNING: "Our retry",
    MadeBy.STRIPE: "Stripe’s try",
    MadeBy.CUSTOMER: "The customer’s payment",
    MadeBy.MERCHANT: "A charge from the Dashboard or API",
    MadeBy.STAFF: "A retry that staff asked for",
}
REASON: Final[dict[str, str]] = {
    Reason.CUSTOMER_CARD_UPDATE: "Card update by the customer",
    Reason.CUSTOMER_PAYMENT: "Payment by the customer",
    Reason.ACCOUNT_UPDATER: "Card renewed by the network",
    Reason.BACKUP_CARD: "Backup card",
    Reason.STAFF: "Retry by staff",
    Reason.OUR_RETRY: "Our timed retry",
    Reason.STRIPE_RETRY: "Stripe’s own retry",
    Reason.MERCHANT: "Dashboard or API",
    Reason.OUT_OF_BAND: "Outside Stripe",
    "none": "Not recovered",
}
CLOSED_REASON: Final[dict[str, str]] = {
    ClosedReason.WINDOW: "the recovery window is over",
    ClosedReason.BUDGET: "all attempts are used",
    ClosedReason.VOIDED: "the invoice was voided",
    ClosedReason.UNCOLLECTIBLE: "the invoice was marked uncollectible",
    ClosedReason.CREDITED: "the invoice was credited",
    ClosedReason.INVOICE_DELETED: "the invoice was deleted",
    ClosedReason.SUBSCRIPTION_CANCELLED: "the subscription was cancelled",
    ClosedReason.CUSTOMER_DELETED: "the customer was deleted",
    ClosedReason.DISPUTED: "the payment is disputed",
    ClosedReason.FRAUD_WARNING: "a fraud warning came in",
    ClosedReason.STAFF: "staff stopped it",
    ClosedReason.WRITTEN_OFF: "it was written off",
}
ERRAND: Final[dict[str, str]] = {
    ErrandKind.REPLACE_CARD: "Put the new card in the place of the failed one",
    ErrandKind.COLLECT_DRAFTS: "Collect the drafts",
    ErrandKind.MARK_UNCOLLECTIBLE: "Mark the invoice uncollectible",
    ErrandKind.CANCEL_SUBSCRIPTION: "Cancel the subscription",
    ErrandKind.PAUSE_SUBSCRIPTION: "Pause the subscription",
}
ERRAND_STATE: Final[dict[str, str]] = {
    ErrandState.PLANNED: "planned",
    ErrandState.ASKING: "being carried out",
    ErrandState.DONE: "done",
    ErrandState.DROPPED: "not carried out",
    ErrandState.REFUSED: "refused by Stripe",
}
INVOICE_CLASS: Final[dict[str, str]] = {
    InvoiceClass.FIRST: "First",
    InvoiceClass.TRIAL_END: "Trial end",
    InvoiceClass.RENEWAL: "Renewal",
    InvoiceClass.ONE_OFF: "One-off",
}
DECLINE_CLASS: Final[dict[str, str]] = {
    "soft_funds": "No money right now",
    "soft_issuer": "The bank said no",
    "technical": "Technical failure",
    "limit": "Card limit reached",
    "needs_authentication": "Customer must confirm",
    "needs_card": "Another card is needed",
    "hard": "Card refused for good",
    "fraud": "Refused as too risky",
    "unknown": "No reason given",
}
RETRIES: Final[dict[str, str]] = {
    Retries.WATCH: "by Stripe; we watch",
    Retries.WEAVE: "by Stripe and us, in turns",
    Retries.OWN: "by us alone",
}
CAUSE: Final[dict[str, str]] = {
    Cause.PROMISE_BROKEN: "A promise to pay was broken",
    Cause.CONCLUDE: "A person must conclude the last charge",
    Cause.CONTRADICTED: "Stripe collects what is ours to collect",
    Cause.APPROVAL: "Waits for a second person’s approval",
    Cause.UNREACHABLE: "The customer cannot be written to: call them",
    Cause.SILENT: "The customer was written to and is silent",
    Cause.PAUSE_OVER: "The pause is over",
    Cause.CALL: "The campaign asks for a call",
}
CONDITION: Final[dict[str, str]] = {
    When.ALWAYS: "always",
    When.CUSTOMER_MUST_ACT: "only when no retry can help without the customer",
    When.RETRY_FAILED: "only after a retry failed, or when no retry can help",
    When.RETRY_CAN_HELP: "only while a retry can help",
    When.LINK_NOT_USED: "unless the customer has used a card-update link",
}
CHANNEL: Final[dict[str, str]] = {
    Channel.EMAIL: "email",
    Channel.SMS: "text message",
    Channel.IN_APP: "banner in your app",
    Channel.WEBHOOK: "webhook to your systems",
    Channel.CALL: "task for staff",
}
WITHHELD: Final[dict[str, str]] = {
    WithheldBy.BUDGET: "the network’s budget for the card",
    WithheldBy.STOP_CODE: "a stop code of the network’s",
    WithheldBy.HARD_DECLINE: "a refusal for good",
}
BRANDS: Final = {"amex": "American Express", "jcb": "JCB", "unionpay": "UnionPay", "diners": "Diners Club"}


ROLE: Final[dict[str, str]] = {
    Role.VIEWER: "viewer",
    Role.STAFF: "staff",
    Role.FINANCE: "finance",
    Role.ADMIN: "admin",
}


class Say(Protocol):
    """Says an English text in the reader's language, with `%(name)s` replaced by the values."""

    def __call__(self, text: str, **values: object) -> str:
        """Return the words."""
        ...


def in_english(text: str, **values: object) -> str:
    """Say a text in English."""
    return text % values if values else text


def money(amount: int | None, currency: str | None, locale: Locale = ENGLISH) -> str:
    """Write minor units, with Stripe's own decimals; empty when nothing is known."""
    if amount is None or currency is None:
        return ""
    return written_money(Money(int(amount), currency), locale)


def brand(name: str | None) -> str:
    """Return a card brand as people write it."""
    return BRANDS.get(name or "", (name or "card").replace("_", " ").capitalize())


def window(length: timedelta, t: Say = in_english) -> str:
    """Return the length of a rolling window in whole days, or in hours up to one day."""
    hours = int(length.total_seconds()) // 3600
    whole_days = hours > 24 and not hours % 24
    return t("%(n)s days", n=hours // 24) if whole_days else t("%(n)s hours", n=hours)


def decline_title(code: str | None, decline_class: str | None) -> str:
    """Return a decline in two or three words: Stripe's code made readable, else the class."""
    if code:
        return code.replace("_", " ").capitalize()
    return DECLINE_CLASS.get(decline_class or "unknown", "No reason given")


def decline_sentence(row: Any, table: DeclineTable = BUILT_IN) -> str:
    """Return what an attempt's or a recovery's decline codes say by `table`, for staff only."""
    advice = ("advice_code", "network_advice_code", "network_decline_code", "brand")
    names = (*advice, "network_status", "outcome_type", "outcome_reason")
    rest = {name: row[name] for name in names if name in row}
    return staff_wording(Decline(code=row["decline_code"], **rest), table)


def decline_words(code: str | None, decline_class: str | None) -> str:
    """Return what the built-in table says of a code, else of its class."""
    row = TABLE.get(code or "")
    return row.words_for_staff if row else DECLINE_CLASS.get(decline_class or "", "")


def gist(sentence: str) -> str:
    """Return the first clause of an explanation, for a table cell."""
    return sentence.split(";", maxsplit=1)[0].split(":", maxsplit=1)[0].rstrip(".")


@dataclass(frozen=True, slots=True)
class StripeLinks:
    """Addresses in Stripe's Dashboard; a simulated Stripe has none."""

    livemode: bool
    simulated: bool

    def __call__(self, kind: str, stripe_id: str | None, account_id: str = "self") -> str | None:
        """Return the Dashboard page of an object: kind is invoices, customers, subscriptions or payments."""
        if self.simulated or not stripe_id:
            return None
        account = "" if account_id == "self" else f"/{account_id}"
        test = "" if self.livemode else "/test"
        return f"https://dashboard.stripe.com{account}{test}/{kind}/{stripe_id}"
