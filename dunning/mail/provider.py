"""What a provider is to the rest of the program: one call with three possible ends."""

from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way to one recipient; its texts stay out of logs and tracebacks.

    `idempotency_key` is the message row's, for providers that promise to send one key once.
    """

    message: EmailMessage = field(repr=False)
    recipient: str
    idempotency_key: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has taken the message; `reference` is what it calls it, '' when it says nothing."""

    reference: str = ""


class NotSent(Exception):
    """The provider certainly did not take the message; `retryable` says whether later may be different."""

    def __init__(self, reason: str, *, retryable: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable


class UnknownOutcome(Exception):
    """The provider may have taken the message: never answered by sending it again under another key."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Mailer(Protocol):
    """A way to send mail."""

    name: str

    def send(self, outgoing: Outgoing) -> Accepted:
        """Hand over one message.

        Raises:
            NotSent: it was certainly not accepted.
            UnknownOutcome: it may have been accepted.
        """
        ...
