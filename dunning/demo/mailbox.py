"""The demo's way to send mail: into the inboxes of the simulated customers, who may open it."""

from dunning.core.clock import Clock
from dunning.mail.provider import Accepted, Outgoing
from dunning.sandbox import Sandbox


class Mailbox:
    """A mailer whose recipients live in the sandbox; the words are also in the message's row, as always."""

    name = "outbox"

    def __init__(self, sandbox: Sandbox, clock: Clock) -> None:
        self._sandbox = sandbox
        self._clock = clock

    def send(self, outgoing: Outgoing) -> Accepted:
        """Put the message into the customer's inbox."""
        self._sandbox.mail(
            to=outgoing.recipient,
            subject=outgoing.subject,
            text=outgoing.text,
            at=self._clock.now(),
        )
        return Accepted()
