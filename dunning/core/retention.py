"""How long what is held is kept, and what stands where something was taken away."""

from dataclasses import dataclass
from typing import Final

# The payload of an event that is kept no more: a JSON object, so that every reader of payloads reads it.
PRUNED: Final = b'{"pruned":true}'
PRUNED_WORDS: Final = (
    "What Stripe sent is kept for a limited time only: it was taken away. Stripe still has the object."
)


@dataclass(frozen=True, slots=True)
class Kept:
    """One kind of thing that is held: for how many days (None: for good), and the setting that says so."""

    what: str
    days: int | None
    setting: str | None
    why: str


def schedule(*, payloads: int, mail: int) -> tuple[Kept, ...]:
    """Return how long each kind of thing is kept, in days."""
    return (
        Kept(
            "what Stripe sent: payloads of handled events",
            payloads,
            "keep_payloads_days",
            "ids, type and times stay; what an open recovery may still need stays whole",
        ),
        Kept(
            "the words of messages and notices",
            mail,
            "keep_mail_days",
            "that they were sent, to which address and when, stays",
        ),
        Kept("announcements to webhooks", 30, None, "counted from their end"),
        Kept("answers of the API to a repeated key", 1, None, "so that a repeated request gets its answer"),
        Kept("the audit log", None, None, "its chain must stay whole; it holds no address, no free words"),
        Kept(
            "recoveries, attempts and the ledger", None, None, "your books, at least ten years in most laws"
        ),
    )
