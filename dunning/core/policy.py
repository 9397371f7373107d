"""How retries are made: the limits a recovery keeps from the day it opened."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Policy:
    """One version of the retry policy.

    The limits stand beside the card networks' own budgets, which are looser. All durations are lengths of
    elapsed time, not calendar days.
    """

    version: int = 1
    attempts_per_invoice: int = 8
    attempts_per_card_a_day: int = 2
    window: timedelta = timedelta(days=14)
    gap: timedelta = timedelta(hours=12)
    technical_gap: timedelta = timedelta(hours=1)

    def dumps(self) -> dict[str, Any]:
        """Return the policy as JSON-ready values; durations in seconds."""
        return {k: int(v.total_seconds()) if isinstance(v, timedelta) else v for k, v in asdict(self).items()}

    @classmethod
    def loads(cls, values: dict[str, Any]) -> Self:
        """Return the policy that `dumps` wrote."""
        durations = ("window", "gap", "technical_gap")
        read: dict[str, Any] = {k: timedelta(seconds=v) if k in durations else v for k, v in values.items()}
        return cls(**read)
