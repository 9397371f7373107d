"""Planning notices: the row is written in the transaction that finds the occasion, once for each."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.billing import Whose
from dunning.core.ids import derive_id
from dunning.core.notices import AT_ONCE, NoticeKind
from dunning.core.renewals import NoticeDue, Renewal
from dunning.core.sending import due
from dunning.core.vocabulary import MessageState
from dunning.store import beats, notices, objects, sending
from dunning.store.rows import RecoveryRow
from dunning.timing.localtime import zone_of_customer

PERHAPS: Final = "It may have gone out before the database was restored: it is not sent again."


def plan_for(
    connection: Connection, recovery: RecoveryRow, kind: NoticeKind, *, about: str, now: datetime
) -> bool:
    """Plan a notice to a recovery's customer unless it had this one; return whether it was planned."""
    if recovery.customer_id is None:
        return False
    customer = objects.customer(connection, recovery.whose, recovery.customer_id)
    zone = zone_of_customer(customer)
    due_at = now if kind in AT_ONCE else due(now, zone, sending.current(connection)).at
    row = {"customer_id": recovery.customer_id, "recovery_id": recovery.id, "due_at": due_at}
    return notices.add(connection, _new(recovery.whose, kind, about, now, row))


def _new(whose: Whose, kind: NoticeKind, about: str, now: datetime, row: dict[str, Any]) -> dict[str, Any]:
    notice_id = derive_id("ntc", now, whose.account_id, whose.livemode, kind, about)
    named: dict[str, Any] = {"id": notice_id, "account_id": whose.account_id}
    named |= {"livemode": whose.livemode, "kind": kind, "about": about, "state": MessageState.PLANNED}
    return {**named, **row, "ring_at": row["due_at"]}


def plan_ahead(
    connection: Connection, whose: Whose, coming: Renewal, notice: NoticeDue, now: datetime
) -> bool:
    """Plan a notice about a coming renewal, once for its card and date; return whether it was planned."""
    customer = objects.customer(connection, whose, coming.customer)
    zone = zone_of_customer(customer)
    mode = beats.read(connection).mode
    sent = {"state": MessageState.SKIPPED, "note": PERHAPS} if mode and mode.forgets(notice.at) else {}
    row = {
        "customer_id": coming.customer,
        "subscription_id": coming.subscription,
        "card_id": coming.card.id if coming.card else None,
        "renews_at": coming.renews_at,
        "due_at": due(max(now, notice.at), zone, sending.current(connection)).at,
    }
    planned = _new(whose, notice.kind, notice.about, now, row)
    return notices.add(connection, planned | sent | ({"ring_at": None} if sent else {}))
