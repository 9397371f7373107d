"""The daily look at what renews: read page by page at a modest pace, judged, and told of where it may fail.

It only reads, and plans notices where their switch is on; in every mode, so that the list of revenue at risk
is there from the first day.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Connection

from dunning.core.billing import Whose
from dunning.core.renewals import HORIZON, TOO_LATE, CardRecord, Renewal, Risk, notice_for, risk_of
from dunning.flows import notice_plan
from dunning.flows.house import House
from dunning.flows.notice_words import REMEMBERED
from dunning.flows.pacing import Pace
from dunning.gateway.renewals import renewal_page
from dunning.store import objects, renewals, switches
from dunning.store.renewals import AtRisk

DEFINITION: Final = (
    "The renewals of the coming 31 days whose card expires before, was refused last time, or is missing. "
    "Amounts are the prices of the subscriptions, before taxes, discounts and usage."
)


WORDS: Final = {
    Risk.NO_CARD: "no card is there to be charged",
    Risk.CARD_EXPIRES: "the card expires before",
    Risk.CARD_FAILED: "the card was refused last time and has not paid since",
    Risk.FAILED_BEFORE: "the card was refused at first last time, and paid on a retry",
}


@dataclass(frozen=True, slots=True)
class Forecast:
    """Revenue at risk: the renewals, what they sum to, and all that renews; minor units by currency."""

    renewals: tuple[AtRisk, ...]
    at_risk: dict[str, int]
    coming: dict[str, tuple[int, int]]  # count, minor units
    read_at: datetime | None

    def dumps(self) -> dict[str, Any]:
        """Return the forecast as JSON-ready values."""
        coming = {code: {"renewals": count, "amount": sum_} for code, (count, sum_) in self.coming.items()}
        listed = [asdict(one) for one in self.renewals]
        return {"definition": DEFINITION, "read_at": self.read_at, "at_risk": self.at_risk} | {
            "coming": coming,
            "renewals": listed,
        }


def look_ahead(house: House, *, pace: Pace) -> int:
    """Read every subscription that renews, and plan the notices that are due; return how many were planned.

    Raises:
        StripeError: a page could not be read; what was read stays, and tomorrow all is read again.
    """
    whose, began = Whose(livemode=house.settings.livemode), house.clock.now()
    page = pace.ask(partial(renewal_page, house.stripe, whose))
    planned = _keep(house, whose, page.renewals)
    while page.next_after is not None:
        page = pace.ask(partial(renewal_page, house.stripe, whose, page.next_after))
        planned += _keep(house, whose, page.renewals)
    with house.store.write() as connection:
        renewals.forget_unread(connection, whose, began)
    return planned


def forecast(house: House) -> Forecast:
    """Return the revenue at risk in the coming 31 days, as last read."""
    whose, now = Whose(livemode=house.settings.livemode), house.clock.now()
    with house.store.read() as connection:
        found = renewals.at_risk(connection, whose, now, now + HORIZON)
        coming = renewals.coming(connection, whose, now, now + HORIZON)
        read_at = renewals.read_at(connection, whose)
    sums: dict[str, int] = {}
    for one in found:
        sums[one.currency] = sums.get(one.currency, 0) + (one.amount or 0)
    return Forecast(tuple(found), dict(sorted(sums.items())), coming, read_at)


def _keep(house: House, whose: Whose, found: tuple[Renewal, ...]) -> int:
    with house.store.write() as connection:
        now = house.clock.now()
        prints = [one.card.fingerprint for one in found if one.card and one.card.fingerprint]
        records = renewals.records(connection, whose, prints)
        judged = [(one, _risk(one, records, now)) for one in found]
        renewals.keep_page(connection, whose, judged, now)
        switched = switches.read(connection)
        if not (switched.messages and switched.notices):
            return 0
        return sum(_plan(connection, whose, one, risk, now) for one, risk in judged)


def _risk(one: Renewal, records: dict[str, CardRecord], now: datetime) -> Risk | None:
    fingerprint = one.card.fingerprint if one.card else None
    return risk_of(one, records.get(fingerprint or "", CardRecord()), now - REMEMBERED)


def _plan(connection: Connection, whose: Whose, one: Renewal, risk: Risk | None, now: datetime) -> bool:
    """Plan a renewal's notice once its time has come; much earlier, everything may still change."""
    due = notice_for(one, risk)
    if due is None or one.card is None or not due.at <= now < one.renews_at - TOO_LATE:
        return False
    objects.keep_card(connection, whose, one.card)
    return notice_plan.plan_ahead(connection, whose, one, due, now)
