"""The network's budget for a card: how much is used, by anyone's tries, and when it frees up."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from dunning.core.billing import Whose
from dunning.core.network_rules import FEES, Fee, Use, budget_use, longest_window
from dunning.core.vocabulary import WithheldBy
from dunning.store import attempts, card_rules, objects, recoveries, withheld
from dunning.store.rows import CardRow


@dataclass(frozen=True, slots=True)
class Standing:
    """How a recovery stands with its card's network: of the card that would be used next."""

    network: str | None = None
    uses: tuple[Use, ...] = ()
    fee: Fee | None = None  # what the network publishes for one try beyond the budget
    withheld: Mapping[tuple[str, WithheldBy], int] | None = None


def standing(connection: Connection, recovery_id: str, now: datetime) -> Standing:
    """Return the budget of the card that would be used next, and what was withheld of the recovery."""
    recovery = recoveries.by_id(connection, recovery_id)
    if recovery is None:
        return Standing()
    card = objects.card(connection, recovery.whose, recovery.next_card_id)
    network = card.network if card else None
    return Standing(
        network,
        use(connection, recovery.whose, card, now),
        FEES.get((network or "", WithheldBy.BUDGET)),
        withheld.of_recovery(connection, recovery_id),
    )


def use(connection: Connection, whose: Whose, card: CardRow | None, now: datetime) -> tuple[Use, ...]:
    """Return what is used of each budget that holds for a card; empty for one that has no fingerprint.

    Counted are the tries of this fingerprint on any invoice, ours and others', that reached the network.
    """
    if card is None or card.fingerprint is None:
        return ()
    budgets = card_rules.newest(connection).budgets
    since = now - longest_window(card.network, budgets)
    times = attempts.reached_network(connection, whose, card.fingerprint, since)
    return budget_use(card.network, times, now, budgets)


def free_at(connection: Connection, whose: Whose, card: CardRow | None, now: datetime) -> datetime:
    """Return the earliest time, not before `now`, at which one more try stays inside every budget."""
    freed = (one.free_at for one in use(connection, whose, card, now))
    return max([now, *(at for at in freed if at is not None)])
