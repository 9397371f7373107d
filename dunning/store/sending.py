"""The rules of sending as the merchant has set them: hours, days off, caps."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from dunning.core.sending import Sending
from dunning.store import switches as switch_store
from dunning.store.tables import switches

_NAME: Final = "sending"
_RULES: Final = select(switches.c.value).where(switches.c.name == _NAME)


def current(connection: Connection) -> Sending:
    """Return the rules in force; the built-in ones until somebody sets others."""
    said = connection.execute(_RULES).scalar_one_or_none()
    return Sending() if said is None else Sending.loads(said)


def put(connection: Connection, wanted: Sending, *, at: datetime, by: str) -> None:
    """Put rules into force: messages that are due from now on follow them."""
    switch_store.put(connection, _NAME, wanted.dumps(), at=at, by=by)
