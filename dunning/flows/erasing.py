"""Erasing a person: a request is a row, the clock rings for it, and any worker goes on where one stopped.

Events go first, in chunks that remember how far they came; everything else goes in one last transaction, the
customer's own row at its end, so that whatever a person is found by is there until nothing is left to find.
The request stays as the tombstone: what Stripe sends later brings nothing personal back.
"""

import secrets
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, RowMapping

from dunning.core.billing import Whose
from dunning.core.ids import derive_id
from dunning.errors import Unusable
from dunning.flows import placing
from dunning.flows.attempting import hold
from dunning.flows.house import House
from dunning.flows.staff import Answer
from dunning.store import audit, erasing, erasures, personal, pruning, suppressions, switches
from dunning.store.personal import Person

AT_ONCE: Final = 250  # events a transaction
CHUNKS: Final = 20  # of them a ring
LEASE: Final = timedelta(seconds=90)
WAIT: Final = timedelta(minutes=15)
FOLLOWED: Final = "data:followed"  # up to which event those who are erased were looked for again
AGAIN: Final = 500  # events looked at twice: PostgreSQL may show a lower number after a higher one
UNDER_WAY: Final = "Something about this person is still on its way: a message, an errand or an announcement."


def find(house: House, words: str) -> tuple[Whose, str]:
    """Return the one customer whose id or address this is.

    Raises:
        Unusable: there is none, or there are several.
    """
    with house.store.read() as connection:
        found = personal.find(connection, words)
    if not found:
        raise Unusable(f"Nothing is held about {words.strip()[:100]}: give a customer's id or mail address.")
    if len(found) > 1:
        several = ", ".join(sorted(name for _, name in found))
        raise Unusable(f"Several customers are found by that: {several}. Name one by its id.")
    return found[0]


def ask(house: House, words: str, *, why: str, by: str) -> Answer:
    """Ask for a person to be erased; refused while a recovery of theirs is open.

    Raises:
        Unusable: there is no such customer, or there are several.
    """
    whose, customer_id = find(house, words)
    with house.store.write() as connection:
        person = personal.person(connection, whose, customer_id)
        still = erasing.open_recoveries(connection, person)
        if still:
            listed = ", ".join(still)
            return Answer(done=False, sentence=f"{customer_id} still owes: stop or settle {listed} first.")
        now = house.clock.now()
        erasure_id = derive_id("era", now, whose.account_id, whose.livemode, customer_id)
        row = {"id": erasure_id, "account_id": whose.account_id, "livemode": whose.livemode}
        row |= {"customer_id": customer_id, "asked_by": by, "asked_at": now, "ring_at": now}
        if not erasures.add(connection, {**row, "why": why.strip()[:300] or None}):
            return Answer(done=False, sentence=f"The erasure of {customer_id} was asked for before.")
        audit.append(connection, at=now, by=by, action="person.erase", about=customer_id)
    return Answer(
        done=True, sentence=f"{customer_id} will be erased within minutes, if nothing is under way."
    )


def go_on(house: House, erasure_id: str) -> None:
    """Go on with a request, if nobody else is at it: some chunks of events, then everything else."""
    with house.store.write() as connection:
        mine = erasures.claim(connection, erasure_id, house.store.lease_now(connection), LEASE)
        if mine is None:
            return
        person = _person(connection, mine)
    seen, found = mine["seen_to"], erasing.pattern(person)
    for _ in range(CHUNKS):
        with house.store.write() as connection:
            seen, waits, over = erasing.scrub_events(connection, seen, found, AT_ONCE)
            if not erasures.change(connection, mine, seen_to=seen):
                return
        if waits:
            _wait(house, mine, "An event about this person is not handled yet.")
            return
        if over:
            _end(house, mine)
            return
    with house.store.write() as connection:
        erasures.change(connection, mine, lease_until=None, ring_at=house.clock.now())


def follow(house: House) -> int:
    """Take away what Stripe has sent about erased people since; return how many payloads went."""
    with house.store.read() as connection:
        known = erasures.customers(connection)
        seen = int((pruning.remembered(connection, FOLLOWED) or {}).get("seq", 0))
    taken, over = 0, not known
    while not over:
        with house.store.write() as connection:
            seen, waits, over, count = erasing.scrub_named(connection, seen, known, AT_ONCE)
            place = {"seq": max(seen - AGAIN, 0)}
            switches.put(connection, FOLLOWED, place, at=house.clock.now(), by="clock")
        taken, over = taken + count, over or waits
    return taken


def every(house: House) -> list[RowMapping]:
    """Return the requests, newest first."""
    with house.store.read() as connection:
        return list(erasures.every(connection))


def _end(house: House, mine: RowMapping) -> None:
    with house.store.write() as connection:
        person = _person(connection, mine)
        for recovery_id in person.recoveries:
            hold(connection, recovery_id)
        if erasing.open_recoveries(connection, person):
            why: str | None = "A recovery of this person is open again: it must be stopped or settled first."
        elif erasing.untold(connection, person):
            why = UNDER_WAY
        else:
            why = None
            now = house.clock.now()
            switches.put_once(connection, suppressions.SALT, secrets.token_hex(16), at=now, by="erasure")
            if not erasures.change(connection, mine, waits_for=None):
                return
            erasing.scrub(connection, person, suppressions.salt(connection) or "")
            for recovery_id in person.recoveries:
                placing.place(connection, recovery_id, now)
            erasing.finish(connection, mine["id"], now)
            audit.append(connection, at=now, by="erasure", action="person.erased", about=person.customer_id)
    if why is not None:
        _wait(house, mine, why)


def _wait(house: House, mine: RowMapping, why: str) -> None:
    with house.store.write() as connection:
        later = house.clock.now() + WAIT
        erasures.change(connection, mine, waits_for=why, lease_until=None, ring_at=later)


def _person(connection: Connection, mine: RowMapping) -> Person:
    whose = Whose(mine["account_id"], livemode=mine["livemode"])
    return personal.person(connection, whose, mine["customer_id"])
