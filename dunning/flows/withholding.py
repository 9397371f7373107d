"""Keeping what the networks' rules forbade: the next attempt of a recovery, counted once.

An attempt is withheld when the policy still allowed it and a network's budget or a stop of the bank's did
not. It is counted once for each answer of the network that it would have followed, however often its time is
planned or staff ask for it; what might have come after it is not guessed.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from dunning.core.network_rules import charged_after
from dunning.core.vocabulary import NETWORK_ANSWERED, AttemptState, WithheldBy
from dunning.flows import retelling
from dunning.store import attempts, card_rules, objects, withheld
from dunning.store.rows import AttemptRow, CardRow, RecoveryRow


def keep_budget(
    connection: Connection, recovery: RecoveryRow, card: CardRow | None, *, now: datetime, free_at: datetime
) -> None:
    """Keep that the next attempt waits for the network's budget to free up."""
    history = attempts.of_recovery(connection, recovery.id)
    _keep(connection, recovery, card, history, WithheldBy.BUDGET, now, free_at)


def keep_stop(connection: Connection, recovery: RecoveryRow, card_id: str | None, *, now: datetime) -> None:
    """Keep that the next attempt is not made since the bank said never again of its card.

    A block of Stripe's own is none: it never reaches a network.
    """
    card = objects.card(connection, recovery.whose, card_id)
    history = attempts.of_recovery(connection, recovery.id)
    refused = [row for row in history if row.state is AttemptState.DECLINED]
    if card is not None and card.fingerprint is not None:
        refused = attempts.declined(connection, recovery.whose, card.fingerprint)
    stops = [row for row in refused if retelling.stopped_by_bank(connection, row)]
    if stops:
        charged = any(charged_after(retelling.decline_of(row)) for row in stops)
        cause = WithheldBy.STOP_CODE if charged else WithheldBy.HARD_DECLINE
        _keep(connection, recovery, card, history, cause, now, None)


def _keep(
    connection: Connection,
    recovery: RecoveryRow,
    card: CardRow | None,
    history: Sequence[AttemptRow],
    cause: WithheldBy,
    now: datetime,
    free_at: datetime | None,
) -> None:
    last = next((row.id for row in reversed(history) if row.state in NETWORK_ANSWERED), "")
    withheld.keep(
        connection,
        recovery,
        after=last,
        cause=cause,
        network=(card.network if card else None) or "unknown",
        fingerprint=card.fingerprint if card else None,
        at=now,
        free_at=free_at,
        rules_version=card_rules.newest(connection).version,
    )
