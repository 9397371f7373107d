"""The merchant's look, published in versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dunning.core.audit import changed
from dunning.errors import Unusable
from dunning.flows.house import House
from dunning.mail.look import Look, LookError
from dunning.store import audit, mail_texts


@dataclass(frozen=True, slots=True)
class PublishedLook:
    """The version now in force, and whether it is a new one."""

    version: int
    look: Look
    changed: bool = False


def publish(house: House, said: Mapping[str, Any], *, by: str) -> PublishedLook:
    """Publish the look in force with the parts named in `said` replaced; an empty part is taken back.

    Raises:
        Unusable: a part cannot be used; says what to write instead.
    """
    while True:
        with house.store.write() as connection:
            version, before = mail_texts.look(connection)
            try:
                look = Look.loads({**before, **said})
            except LookError as error:
                raise Unusable(str(error)) from None
            if look.dumps() == Look.loads(before).dumps():
                return PublishedLook(version, look)
            now, number = house.clock.now(), version + 1
            if mail_texts.publish_look(connection, number, look.dumps(), at=now, by=by):
                was, becomes = changed(Look.loads(before).dumps(), look.dumps())
                about, act = f"look {number}", "look.publish"
                audit.append(connection, at=now, by=by, action=act, about=about, before=was, after=becomes)
                return PublishedLook(number, look, changed=True)
