"""Where a message goes: what its channel calls an address, read from the customer when it is written."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from dunning.core.announcement import Topic
from dunning.core.billing import Customer
from dunning.core.texting import consents, e164
from dunning.mail.compose import address_of
from dunning.settings import Settings
from dunning.store import contacts, erasures, listeners, messages
from dunning.store.rows import MessageRow

STAFF: Final = "staff"
ERASED: Final = "The person was erased: nothing is kept of them, and nothing is written to them."
NO_CONSENT: Final = "The customer has not agreed to text messages."
NO_NUMBER: Final = "The customer has no phone number with its country's code (+44…)."
STOPPED: Final = "The number is suppressed: its owner has answered STOP, or staff suppressed it."
NO_SECOND: Final = "The customer has no second contact with an email address."
OWN_ADDRESS: Final = "The second contact has the customer's own address, which is written to already."
NO_STAFF: Final = "DUNNING_STAFF_MAIL names no address of the staff."
NOBODY_LISTENS: Final = "No webhook listens to message.sent (`dunning webhook add`)."


@dataclass(frozen=True, slots=True)
class Reached:
    """The address of a message in its channel's own way of writing, or why there is none."""

    address: str | None
    missing: str | None = None


def reach(connection: Connection, settings: Settings, message: MessageRow, customer: Customer) -> Reached:
    """Return where a message goes.

    A channel that reaches the customer through the merchant (a call list, the merchant's application, a
    signed webhook) needs no address of its own: the customer's Stripe id stands for it.
    """
    if customer.deleted:
        return Reached(None)
    if erasures.erased(connection, message.whose, customer.id) and message.recipient != STAFF:
        return Reached(None, ERASED)
    own = contacts.of_customer(connection, message.whose, customer.id)
    match message.channel:
        case "email":
            return _mail(settings, message, customer, own)
        case "sms":
            found = _number(settings, message, customer, own)
            stopped = found.address and messages.suppressed(connection, message.account_id, found.address)
            return Reached(None, STOPPED) if stopped else found
        case "webhook" if not any(one.hears(Topic.MESSAGE_SENT) for one in listeners.hearing(connection)):
            return Reached(None, NOBODY_LISTENS)
        case _:
            return Reached(customer.id)


def second_contact(settings: Settings, customer: Customer, own: dict[str, str]) -> str | None:
    """Return the address of a customer's second contact: kept here, or else in Stripe's metadata."""
    return own.get(contacts.SECOND) or _address(customer.metadata.get(settings.second_contact_key, ""))


def _mail(settings: Settings, message: MessageRow, customer: Customer, own: dict[str, str]) -> Reached:
    if message.recipient == STAFF:
        return Reached(settings.staff_mail, None if settings.staff_mail else NO_STAFF)
    if message.recipient != contacts.SECOND:
        return Reached(customer.email)
    second = second_contact(settings, customer, own)
    if second is None:
        return Reached(None, NO_SECOND)
    same = second.casefold() == (customer.email or "").casefold()
    return Reached(None, OWN_ADDRESS) if same else Reached(second)


def _number(settings: Settings, message: MessageRow, customer: Customer, own: dict[str, str]) -> Reached:
    if message.recipient != "customer":
        return Reached(None, f"Texts go to the customer alone, not to the {message.recipient}.")
    if contacts.SMS in own:
        return Reached(own[contacts.SMS])  # whoever kept it has asked
    if not consents(customer.metadata.get(settings.sms_consent_key)):
        return Reached(None, NO_CONSENT)
    number = e164(customer.phone)
    return Reached(number, None if number else NO_NUMBER)


def _address(written: str) -> str | None:
    try:
        return address_of(written.strip()) if written.strip() else None
    except ValueError:
        return None
