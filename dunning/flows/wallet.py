"""The cards of a recovery's customer: all that are known, and which one the next attempt may use besides."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection

from dunning.core.backup import Candidate, Refused, backup_for
from dunning.core.declines import may_retry
from dunning.core.policy import BackupCards, Policy
from dunning.core.vocabulary import AttemptState
from dunning.flows import card_budget, planning
from dunning.flows.card_limits import card_stopped
from dunning.store import attempts as attempt_store
from dunning.store import objects, wallets
from dunning.store.rows import AttemptRow, CardRow, RecoveryRow


def backup_card(
    connection: Connection,
    recovery: RecoveryRow,
    policy: Policy,
    history: Sequence[AttemptRow],
    now: datetime,
    *,
    stuck: bool = False,
) -> str | None:
    """Return the other card that the policy offers for the next attempt, or None.

    A card that came since comes first, and is no backup; `stuck` says that nothing can be planned on the own.
    """
    if policy.backup_cards is BackupCards.OFF or recovery.fresh_card_id or recovery.customer_id is None:
        return None
    own = objects.card(connection, recovery.whose, recovery.card_id)
    others = wallets.cards_of(connection, recovery.whose, recovery.customer_id)
    others = [card for card in others if usable(card, now) and card.id != recovery.card_id]
    if not others:
        return None
    refusals = [row for row in history if row.state is AttemptState.DECLINED]

    def seen(card: CardRow) -> Candidate:
        return _candidate(connection, recovery, policy, card, history, now)

    return backup_for(
        policy,
        seen(own) if own is not None else None,
        [seen(card) for card in others],
        Refused(recovery.decline_class, recovery.decline_code, len(refusals)),
        deadline=recovery.deadline,
        stuck=stuck,
    )


def usable(card: CardRow, now: datetime) -> bool:
    """Return whether a card is there to be charged: saved with its customer, neither removed nor expired."""
    if card.type != "card" or card.customer_id is None or card.detached_at is not None:
        return False
    if card.exp_year is None or card.exp_month is None:
        return True
    return (card.exp_year, card.exp_month) >= (now.year, now.month)


def was_there(connection: Connection, recovery: RecoveryRow, card_id: str) -> bool:
    """Return whether a card was the customer's before the failure, and is not the one that failed first."""
    card = objects.card(connection, recovery.whose, card_id)
    history = attempt_store.of_recovery(connection, recovery.id)
    failed_first = next((row.card_id for row in history if row.card_id is not None), None)
    if card is None or card.added_at is None:
        return card_id == recovery.backup_card_id
    return card.added_at <= recovery.failed_at and card_id != failed_first


def _candidate(
    connection: Connection,
    recovery: RecoveryRow,
    policy: Policy,
    card: CardRow,
    history: Sequence[AttemptRow],
    now: datetime,
) -> Candidate:
    """Return a card as the next attempt sees it; what it was refused before it was renewed does not count."""
    answered = (AttemptState.DECLINED, AttemptState.NEEDS_ACTION)
    refused = [row for row in history if row.card_id == card.id and row.state in answered]
    since = card.network_updated_at
    refused = [row for row in refused if since is None or row.at >= since]
    last = refused[-1].decline_class if refused else None
    stopped = card_stopped(connection, recovery.whose, card.id, history)
    return Candidate(
        id=card.id,
        fingerprint=card.fingerprint,
        free_at=max(
            card_budget.free_at(connection, recovery.whose, card, now),
            planning.policy_free_at(connection, recovery.whose, card, policy, now),
        ),
        added_at=card.added_at,
        declines=len(refused),
        useless=stopped or (last is not None and not may_retry(last)) or not usable(card, now),
    )
