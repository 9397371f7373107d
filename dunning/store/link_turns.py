"""How often the page behind a link made Stripe mint a session: a scanner may press the button all day."""

from datetime import datetime

from sqlalchemy import Connection, case, or_, select, update

from dunning.core.pay_page import TURN_SPAN, TURNS, Turns
from dunning.store.tables import link_turns
from dunning.store.upsert import insert_once


def of(connection: Connection, link_id: str) -> Turns | None:
    """Return the turns of a link, or of the notice that carries one; None: it was never used."""
    query = select(link_turns.c.since, link_turns.c.turns, link_turns.c.used_at).where(
        link_turns.c.id == link_id
    )
    row = connection.execute(query).one_or_none()
    return Turns(row.since, row.turns, row.used_at) if row is not None else None


def take(connection: Connection, link_id: str, now: datetime) -> bool:
    """Take one of the turns that a link has within an hour; return whether there was one left."""
    first = {"id": link_id, "since": now, "turns": 1, "used_at": now}
    if insert_once(connection, link_turns, first):
        return True
    over = link_turns.c.since <= now - TURN_SPAN
    taken = update(link_turns).where(link_turns.c.id == link_id, or_(over, link_turns.c.turns < TURNS))
    again = taken.values(
        since=case((over, now), else_=link_turns.c.since),
        turns=case((over, 1), else_=link_turns.c.turns + 1),
        used_at=now,
    )
    return connection.execute(again).rowcount == 1
