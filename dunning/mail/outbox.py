"""The built-in outbox: messages are kept and shown instead of sent."""

from collections.abc import Callable

from dunning.mail.provider import Accepted, OutgoingMail


class Outbox:
    """A mailer for the demo and for development: whatever it is given goes to `keep`, and nowhere else."""

    def __init__(self, keep: Callable[[OutgoingMail], None]) -> None:
        self.name = "outbox"
        self._keep = keep

    def send(self, outgoing: OutgoingMail) -> Accepted:
        """Keep the message; an error of `keep` is the caller's own and passes through."""
        self._keep(outgoing)
        return Accepted(outgoing.message["Message-ID"] or "")
