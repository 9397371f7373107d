"""Channels that need no provider: the row is the message, where staff or the merchant's application look."""

from typing import Final

from dunning.mail.provider import Accepted, Outgoing

KEPT: Final = ("in_app", "call", "webhook")


class Kept:
    """A channel whose messages are sent by being there.

    `in_app` shows in the banner of the access verdict, `call` on the staff's list; `webhook` is told to every
    webhook endpoint that listens to `message.sent`.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def send(self, written: Outgoing) -> Accepted:  # noqa: ARG002 - the protocol's
        """Leave the message where it is."""
        return Accepted()
