"""How much a customer uses the merchant's product: the merchant reports a figure now and then."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import RowMapping

from dunning.core.billing import Whose
from dunning.core.worth import usage_falls
from dunning.errors import Unusable
from dunning.flows.house import House
from dunning.store import audit, erasures, queue_items, usage

AHEAD: Final = timedelta(hours=1)  # how far a reporter's clock may be ahead of ours


@dataclass(frozen=True, slots=True)
class Use:
    """The last figure and the one before; `falls` when the last is three tenths or more below."""

    usage: int
    at: datetime
    usage_before: int | None
    at_before: datetime | None

    @property
    def falls(self) -> bool:
        """Whether the customer uses clearly less than before."""
        return self.usage_before is not None and usage_falls(self.usage_before, self.usage)


def report(house: House, whose: Whose, customer_id: str, figure: int, *, at: datetime, by: str) -> Use:
    """Keep a figure as of `at` (aware); a figure of the same instant takes the place of the first.

    Raises:
        Unusable: a later figure is kept already, `at` is in the future, or the customer was erased.
    """
    now = house.clock.now()
    if at > now + AHEAD:
        raise Unusable(f"{at.isoformat()} is in the future: report what was used until now.")
    with house.store.write() as connection:
        if erasures.erased(connection, whose, customer_id):
            raise Unusable(f"{customer_id} was erased: nothing more is kept of this customer.")
        before = usage.hold(connection, whose, customer_id, {"usage": figure, "at": at})
        if before is not None and at < before["at"]:
            raise Unusable(f"A later figure is kept already, of {before['at'].isoformat()}.")
        kept = _next(before, figure, at)
        if before is not None and (at, figure) == (before["at"], before["usage"]):
            return kept
        values = {"usage": kept.usage, "at": kept.at, "usage_before": kept.usage_before}
        usage.put(connection, whose, customer_id, {**values, "at_before": kept.at_before})
        queue_items.ring_customer(connection, whose, customer_id, now)
        was = None if before is None else {"usage": before["usage"], "at": before["at"]}
        after = {"usage": figure, "at": at}
        audit.append(
            connection, at=now, by=by, action="customer.usage", about=customer_id, before=was, after=after
        )
    return kept


def _next(before: RowMapping | None, figure: int, at: datetime) -> Use:
    if before is None:
        return Use(figure, at, None, None)
    if at == before["at"]:
        return Use(figure, at, before["usage_before"], before["at_before"])
    return Use(figure, at, before["usage"], before["at"])
