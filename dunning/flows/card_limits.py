"""What a card allows, whichever of the customer's invoices used it: stops, network budgets, tries a day."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from dunning.core.billing import Whose
from dunning.core.changes import NotAttempted
from dunning.core.decline_table import STOPPED
from dunning.core.network_rules import earliest_after
from dunning.core.vocabulary import AttemptState, MadeBy
from dunning.flows import card_budget, planning, retelling, withholding
from dunning.store import attempts, objects, rules
from dunning.store.rows import AttemptRow, CardRow, RecoveryRow


def card_stopped(
    connection: Connection,
    whose: Whose,
    card_id: str | None,
    history: Iterable[AttemptRow] = (),
) -> bool:
    """Return whether the network said "never again" for a card, on any invoice, since it was last renewed.

    `history` is for a card without a fingerprint: it is only known by its id, from its own invoice.
    """
    card = objects.card(connection, whose, card_id)
    refused = [a for a in history if a.state is AttemptState.DECLINED and a.card_id == card_id]
    if card is not None and card.fingerprint is not None:
        refused += attempts.declined(connection, whose, card.fingerprint)
    renewed = card.network_updated_at if card is not None else None
    since = (a for a in refused if renewed is None or a.at >= renewed)
    return any(retelling.class_of(connection, a) in STOPPED for a in since)


def card_obstacle(
    connection: Connection,
    recovery: RecoveryRow,
    made_by: MadeBy,
    now: datetime,
) -> NotAttempted | None:
    """Return why the card must not be charged now, or None.

    The card stays held until the transaction ends, so that two invoices never count its tries at once. An
    attempt that a network's rule forbids is kept as withheld.
    """
    card_id = recovery.next_card_id
    card = objects.card(connection, recovery.whose, card_id, lock=True)
    history = attempts.of_recovery(connection, recovery.id)
    if card_stopped(connection, recovery.whose, card_id, history):
        withholding.keep_stop(connection, recovery, card_id, now=now)
        return NotAttempted("The bank said never to try this card again.")
    free = card_budget.free_at(connection, recovery.whose, card, now)
    if free > now:
        withholding.keep_budget(connection, recovery, card, now=now, free_at=free)
        return NotAttempted("The network's limit of tries for this card is reached for now.", free)
    told = _told_to_wait(card_id, card, history, now)
    if told > now:
        return NotAttempted("The card's network said to wait longer before another try.", told)
    if made_by is MadeBy.STAFF or _first_try(recovery, card, history):
        return None
    policy = rules.policy(connection, recovery.policy_version, recovery.invoice_class)
    free = planning.policy_free_at(connection, recovery.whose, card, policy, now)
    return NotAttempted("The card was tried as often as is allowed for now.", free) if free > now else None


def staff_must_wait(
    connection: Connection, recovery: RecoveryRow, backup_card: str | None, now: datetime
) -> str | None:
    """Return until when the network forbids another try of the next card, as a sentence, or None."""
    card_id = recovery.fresh_card_id or backup_card or recovery.card_id
    card = objects.card(connection, recovery.whose, card_id)
    free = card_budget.free_at(connection, recovery.whose, card, now)
    if free > now:
        return f"The network's limit of tries for this card is reached until {free:%d %B %Y, %H:%M} UTC."
    told = _told_to_wait(card_id, card, attempts.of_recovery(connection, recovery.id), now)
    if told > now:
        return f"The card's network said to wait until {told:%d %B %Y, %H:%M} UTC before another try."
    return None


def _told_to_wait(
    card_id: str | None, card: CardRow | None, history: Iterable[AttemptRow], now: datetime
) -> datetime:
    """Return until when the network wants no other try of a card, whoever asks for it; else `now`."""
    renewed = card.network_updated_at if card is not None else None
    refused = (a for a in history if a.state is AttemptState.DECLINED and a.card_id == card_id)
    since = (a for a in refused if renewed is None or a.at >= renewed)
    told = (earliest_after(retelling.decline_of(a), a.at) for a in since)
    return max([now, *(at for at in told if at is not None)])


def _first_try(recovery: RecoveryRow, card: CardRow | None, history: Iterable[AttemptRow]) -> bool:
    """Return whether a fresh card meets the invoice for the first time; a renewed one has met it before."""
    if recovery.fresh_card_id is None or card is None:
        return False
    met = {a.fingerprint for a in history if a.state in attempts.REACHES_NETWORK}
    return card.fingerprint not in met
