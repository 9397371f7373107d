"""What a card allows, whichever of the customer's invoices used it: stops, network budgets, tries a day."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from dunning.core.billing import Whose
from dunning.core.changes import NotAttempted
from dunning.core.network_rules import stops_card
from dunning.core.vocabulary import AttemptState, MadeBy
from dunning.flows import planning
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
    return any(stops_card(planning.decline_of(a)) for a in refused if renewed is None or a.at >= renewed)


def card_obstacle(
    connection: Connection,
    recovery: RecoveryRow,
    made_by: MadeBy,
    now: datetime,
) -> NotAttempted | None:
    """Return why the card must not be charged now, or None.

    The card stays held until the transaction ends, so that two invoices never count its tries at once.
    """
    card_id = recovery.next_card_id
    card = objects.card(connection, recovery.whose, card_id, lock=True)
    history = attempts.of_recovery(connection, recovery.id)
    if card_stopped(connection, recovery.whose, card_id, history):
        return NotAttempted("The bank said never to try this card again.")
    exempt = made_by is MadeBy.STAFF or _first_try(recovery, card, history)
    version, kind = recovery.policy_version, recovery.invoice_class
    policy = None if exempt else rules.policy(connection, version, kind)
    free = planning.card_free_at(connection, card, policy, now)
    if free > now:
        return NotAttempted("The card was tried as often as is allowed for now.", free)
    return None


def _first_try(recovery: RecoveryRow, card: CardRow | None, history: Iterable[AttemptRow]) -> bool:
    """Return whether a fresh card meets the invoice for the first time; a renewed one has met it before."""
    if recovery.fresh_card_id is None or card is None:
        return False
    met = {a.fingerprint for a in history if a.state in attempts.REACHES_NETWORK}
    return card.fingerprint not in met
