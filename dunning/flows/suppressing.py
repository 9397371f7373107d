"""Addresses that people take off the list of those who may be written to, or put back."""

from dunning.core.texting import e164
from dunning.core.vocabulary import SuppressionReason
from dunning.flows.entering import digest_of, without_words
from dunning.flows.house import House
from dunning.flows.staff import Answer
from dunning.mail.compose import address_of
from dunning.store import audit, queue_items, suppressions


def suppress(house: House, address: str, *, why: str, by: str) -> Answer:
    """Let an address, or a number, never be written to, until somebody releases it."""
    try:
        bare = e164(address) or address_of(address)
    except ValueError as error:
        return Answer(done=False, sentence=f"That is neither an address nor a number: {error}.")
    detail = f"{by}: {why.strip()[:200]}" if why.strip() else by
    with house.store.write() as connection:
        now = house.clock.now()
        added = suppressions.add(connection, "self", bare, SuppressionReason.STAFF, at=now, detail=detail)
        if added:
            queue_items.ring_address(connection, bare, now)
            after = without_words({"why": why.strip()})
            about = digest_of(house.secret, bare)
            audit.append(connection, at=now, by=by, action="address.suppress", about=about, after=after)
    sentence = f"{bare} is written to no more." if added else f"{bare} is on the list already."
    return Answer(done=added, sentence=sentence)


def release(house: House, address: str, *, by: str) -> Answer:
    """Let an address or number be written to again, by every account; a new bounce puts it back."""
    with house.store.write() as connection:
        now = house.clock.now()
        bare = e164(address) or address.strip().lower()
        done = suppressions.release(connection, bare, at=now, by=by)
        if done:
            queue_items.ring_address(connection, bare, now)
            about = digest_of(house.secret, bare)
            audit.append(connection, at=now, by=by, action="address.release", about=about)
    sentence = f"{address} may be written to again." if done else f"{address} is not on the list."
    return Answer(done=done, sentence=sentence)


def switch_off_notices(house: House, address: str) -> None:
    """Send an address no friendly notices any more; what is owed is still told."""
    with house.store.write() as connection:
        suppressions.add(
            connection,
            "self",
            address,
            SuppressionReason.UNSUBSCRIBED,
            at=house.clock.now(),
            detail="one click",
        )
