"""What a provider's answer means for the row whose words it was given, be it a message or a notice."""

from collections.abc import Callable
from dataclasses import dataclass

from dunning.core.vocabulary import MessageState
from dunning.mail.provider import Accepted, NotSent, UnknownOutcome


@dataclass(frozen=True, slots=True)
class Sent:
    """What the provider did; `state` is sent, unknown, failed, or planned to try again."""

    state: MessageState
    note: str | None = None
    reference: str | None = None
    unwanted: bool = False  # the recipient has told the provider so


def hand_over(give: Callable[[], Accepted]) -> Sent:
    """Give the words to a provider, once, and return what it did; only a plain "not now" is tried again."""
    try:
        accepted = give()
    except NotSent as error:
        state = MessageState.PLANNED if error.retryable else MessageState.FAILED
        return Sent(state, error.reason, unwanted=error.unwanted)
    except UnknownOutcome as error:
        return Sent(MessageState.UNKNOWN, error.reason)
    except ValueError as error:
        return Sent(MessageState.FAILED, str(error))
    return Sent(MessageState.SENT, reference=accepted.reference[:300] or None)
