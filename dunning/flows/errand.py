"""An errand in hand: what it is for, how it ended, and the key that its request bears."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dunning.core.billing import Subscription
from dunning.core.vocabulary import ErrandState
from dunning.store.rows import AttemptRow, ErrandRow, RecoveryRow

KEY_HEAD: Final = "v1:errand:"


@dataclass(frozen=True, slots=True)
class InHand:
    """An errand that is ours to carry out, with the recovery it is for and everybody's attempts on it."""

    errand: ErrandRow
    recovery: RecoveryRow
    history: tuple[AttemptRow, ...]
    now: datetime
    again: bool  # a worker had it before, and may have carried it out
    left_to_stripe: bool = False  # it follows from our retries, which were set to watch meanwhile

    @property
    def key(self) -> str:
        """Return the idempotency key of this claim's request; the events that come of it bear it."""
        return f"{KEY_HEAD}{self.errand.id}:{self.errand.fence}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an errand ended, or when to go on with it; `sentence` is for the timeline, where it is `told`."""

    state: ErrandState
    sentence: str
    again_at: datetime | None = None
    told: bool = True
    subscription: Subscription | None = None


def errand_behind(idempotency_key: str | None) -> str | None:
    """Return the id of the errand of ours that an event came of, or None."""
    if idempotency_key is None or not idempotency_key.startswith(KEY_HEAD):
        return None
    return idempotency_key.removeprefix(KEY_HEAD).partition(":")[0]


def done(sentence: str, subscription: Subscription | None = None) -> Outcome:
    """Return the end of an errand that was carried out."""
    return Outcome(ErrandState.DONE, sentence, subscription=subscription)


def dropped(sentence: str, *, told: bool = True, subscription: Subscription | None = None) -> Outcome:
    """Return the end of an errand that is not wanted any more."""
    return Outcome(ErrandState.DROPPED, sentence, told=told, subscription=subscription)


def later(sentence: str, at: datetime, *, told: bool = False) -> Outcome:
    """Return that nothing may be done before an instant; how things stand is read again then."""
    return Outcome(ErrandState.PLANNED, sentence, again_at=at, told=told)
