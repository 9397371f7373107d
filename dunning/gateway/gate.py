"""The gate that every call to Stripe passes: who waits for a turn, who is let through, what came of it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class Verdict(StrEnum):
    """What an answer says about the account as a whole."""

    FINE = "fine"  # an answer, be it a decline or "no such invoice"
    BROKEN = "broken"  # no answer, a 5xx, or too many calls
    SHUT = "shut"  # the key is not known, or may not charge


@dataclass(frozen=True, slots=True)
class Passage:
    """One call: for which account (`self` or `acct_…`), and whether it asks for a charge."""

    account_id: str = "self"
    charge: bool = False


class Gate(Protocol):
    """What stands between us and Stripe."""

    def enter(self, passage: Passage) -> None:
        """Wait for a turn.

        Raises:
            NotAsked: nobody is let through now.
        """
        ...

    def leave(self, passage: Passage, verdict: Verdict, *, why: str, date: datetime | None) -> None:
        """Be told what came of it; `date` is Stripe's clock at the answer, right to the second."""
        ...


class OpenGate:
    """A gate that lets everybody through at once."""

    def enter(self, passage: Passage) -> None:
        """Let it through."""

    def leave(self, passage: Passage, verdict: Verdict, *, why: str, date: datetime | None) -> None:
        """Take no notice."""
