"""What a provider is to the rest of the program: one call with three possible ends."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message on its way to one recipient by any channel; its texts stay out of logs and tracebacks.

    `recipient` is written as the channel writes it: a mail address, a telephone number. `idempotency_key` is
    the message row's, for providers that promise to send one key once. `about` holds ids only, by kind:
    message, account, recovery, invoice, customer, template.
    """

    recipient: str
    idempotency_key: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str = field(repr=False)
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail(Outgoing):
    """A message that goes out as e-mail; `message` holds the same texts under their headers."""

    message: EmailMessage = field(repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The provider has taken the message; `reference` is what it calls it, '' when it says nothing."""

    reference: str = ""


class NotSent(Exception):
    """The provider certainly did not take the message; `retryable` says whether later may be different.

    `unwanted` says that the recipient has told the provider that they want none of our messages.
    """

    def __init__(self, reason: str, *, retryable: bool, unwanted: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retryable = retryable
        self.unwanted = unwanted


class UnknownOutcome(Exception):
    """The provider may have taken the message: never answered by sending it again under another key."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Mailer(Protocol):
    """A way to send mail."""

    name: str

    def send(self, outgoing: OutgoingMail) -> Accepted:
        """Hand over one message.

        Raises:
            NotSent: it was certainly not accepted.
            UnknownOutcome: it may have been accepted.
        """
        ...


class Channel(Protocol):
    """A way to reach a customer besides e-mail; `name` is the word by which a step asks for it."""

    name: str

    def send(self, written: Outgoing) -> Accepted:
        """Hand over one message, or keep it where staff or the merchant's application look.

        Raises:
            NotSent: it was certainly not accepted.
            UnknownOutcome: it may have been accepted.
        """
        ...
