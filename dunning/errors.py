"""The errors that somebody catches.

DunningError
├── Unusable        what the operator gave cannot work: a sentence with the cure, exit code 2
└── StripeError     Stripe did not do what was asked
    ├── Transient   a broken wire, a full house (429, 5xx on reads): costs nothing, ask again in seconds
    ├── OutcomeUnknown  a charge may or may not have happened: read, or replay the same key; never a new key
    └── Refused     Stripe said no for good: missing object, missing right, impossible parameters
"""


class DunningError(Exception):
    """The root of every error that dunning raises on purpose."""


class Unusable(DunningError):
    """What the operator gave cannot work; the message names the setting and the cure."""


class StripeError(DunningError):
    """Stripe did not do what was asked."""


class Transient(StripeError):
    """Nothing happened; the same question may be asked again in seconds."""


class NotAsked(Transient):
    """Our own gate let nobody through: Stripe was not even asked."""


class Unreachable(Transient):
    """Nobody answered: the wire is broken, or the address is wrong."""


class OutcomeUnknown(StripeError):
    """A charge was asked and nobody knows its outcome.

    Attributes:
        in_flight: Stripe says that it is executing the same key right now.
        saved: Stripe repeats the error that it remembers for this key; asking again executes nothing.
    """

    def __init__(self, message: str, *, in_flight: bool = False, saved: bool = False) -> None:
        super().__init__(message)
        self.in_flight = in_flight
        self.saved = saved


class Refused(StripeError):
    """Stripe refused for good.

    Attributes:
        status: the HTTP status.
        code: Stripe's machine code, where it gave one.
    """

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
