"""Whom else a customer wants written to: the second contact, and the number for text messages."""

from dataclasses import dataclass

from sqlalchemy import Connection

from dunning.core.texting import e164
from dunning.flows.house import House
from dunning.flows.staff import Answer, NotFound
from dunning.flows.telling import tell
from dunning.mail.compose import address_of
from dunning.store import audit, contacts, erasures, recoveries
from dunning.store.rows import RecoveryRow

NOBODY = "The invoice names no customer: there is nobody to keep a contact of."
KEPT = "The contact is kept."
ERASED = "The person was erased at their request: no contact is kept of them."
GONE = "The contact is forgotten; what Stripe's metadata says holds again."
WORDS = {contacts.SECOND: "second contact", contacts.SMS: "number for text messages"}


@dataclass(frozen=True, slots=True)
class Kept:
    """A customer's contacts as they are kept here; those of Stripe's metadata are read when they are used."""

    second_contact: str | None
    sms: str | None


def kept(house: House, recovery_id: str) -> Kept:
    """Return the contacts of a recovery's customer.

    Raises:
        NotFound: there is no such recovery.
    """
    with house.store.read() as connection:
        recovery = _found(connection, recovery_id)
        own = contacts.of_customer(connection, recovery.whose, recovery.customer_id)
    return Kept(own.get(contacts.SECOND), own.get(contacts.SMS))


def keep(house: House, recovery_id: str, role: str, address: str, *, by: str) -> Answer:
    """Keep a contact of a recovery's customer, for all of their invoices; an empty address forgets it.

    A number that is kept here has agreed to text messages: whoever keeps it has asked.

    Raises:
        NotFound: there is no such recovery.
    """
    written = _written(role, address.strip())
    if written is None:
        return Answer(done=False, sentence=_wrong(role))
    with house.store.write() as connection:
        recovery = _found(connection, recovery_id)
        if recovery.customer_id is None:
            return Answer(done=False, sentence=NOBODY)
        if written and erasures.erased(connection, recovery.whose, recovery.customer_id):
            return Answer(done=False, sentence=ERASED)
        now = house.clock.now()
        if not written:
            had = contacts.drop(connection, recovery.whose, recovery.customer_id, role)
            sentence = GONE if had else "There was no such contact."
        else:
            contacts.put(connection, recovery.whose, recovery.customer_id, role, written, at=now, by=by)
            sentence = KEPT
        said = f"The customer's {WORDS[role]} was {'set' if written else 'taken away'}."
        tell(connection, recovery.id, said, now=now, by=by)
        after = {WORDS[role]: "set" if written else "taken away"}  # the log outlives the person's wish
        act, about = "contact.set", recovery.customer_id
        audit.append(connection, at=now, by=by, action=act, about=about, after=after)
    return Answer(done=True, sentence=sentence)


def _written(role: str, address: str) -> str | None:
    """Return an address in the one way of writing it; '' for none, None for one that cannot be used."""
    if not address:
        return ""
    if role == contacts.SMS:
        return e164(address)
    try:
        return address_of(address)
    except ValueError:
        return None


def _wrong(role: str) -> str:
    if role == contacts.SMS:
        return "That is no phone number with its country's code: write it like +44 7700 900123."
    return "That is not one mail address: write it like accounts@acme.example."


def _found(connection: Connection, recovery_id: str) -> RecoveryRow:
    recovery = recoveries.by_id(connection, recovery_id)
    if recovery is None:
        raise NotFound(recovery_id)
    return recovery
