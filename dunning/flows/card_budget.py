"""The network's budget for a card: how much is used, by anyone's tries, and when it frees up."""

from datetime import datetime

from sqlalchemy import Connection

from dunning.core.billing import Whose
from dunning.core.network_rules import Use, budget_use, longest_window
from dunning.store import attempts, card_rules
from dunning.store.rows import CardRow


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
