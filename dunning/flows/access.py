"""The access verdict: what a customer owes, judged under the policy of each recovery; it only reads."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dunning.core.access import Level, Owed, Verdict, counts, strictest, verdict_on
from dunning.core.billing import Whose
from dunning.core.vocabulary import AttemptState
from dunning.flows.house import House
from dunning.store import debts, messages, objects, renewals, rules
from dunning.store.debts import Debt
from dunning.timing.localtime import zone_of_customer

SETTLED: Final = frozenset({"paid", "void", "deleted"})
FOOTER: Final = "\n-- \n"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a campaign's own in-app message says."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Access:
    """The verdict on a customer, that on each invoice behind it, and what there is to show them."""

    customer: str
    verdict: Verdict
    items: tuple[tuple[Owed, Verdict], ...]
    shown: Shown | None
    locale: str | None
    zone: ZoneInfo
    as_of: datetime

    @property
    def amounts(self) -> dict[str, int]:
        """Return what is owed, in minor units by currency."""
        sums: dict[str, int] = {}
        for owed, _ in self.items:
            sums[owed.currency] = sums.get(owed.currency, 0) + owed.amount
        return dict(sorted(sums.items()))


def access(house: House, whose: Whose, customer_id: str, *, subscription: str | None = None) -> Access:
    """Return what a customer may use, as a whole or of one subscription; one unknown to us owes nothing."""
    now = house.clock.now()
    with house.store.read() as connection:
        known = debts.of_customer(connection, whose, customer_id)
        owed = [_owed(connection, debt) for debt in known if debt.recovery.import_id is None]
        live = renewals.bills_again(connection, whose, customer_id)
        customer = objects.customer(connection, whose, customer_id)
        asked = [one for one in owed if _concerns(one, subscription, live)]
        judged = tuple((one, verdict_on(one, now=now)) for one in asked)
        judged = tuple(pair for pair in judged if pair[1].level is not Level.FULL)
        shown = _shown(connection, [one.recovery for one, _ in judged])
    verdict = strictest(found for _, found in judged)
    zone = zone_of_customer(customer)
    return Access(customer_id, verdict, judged, shown, customer.locale if customer else None, zone, now)


def _concerns(owed: Owed, subscription: str | None, live: frozenset[str]) -> bool:
    return counts(owed, live) if subscription is None else owed.subscription == subscription


def _owed(connection: Connection, debt: Debt) -> Owed:
    recovery = debt.recovery
    policy = rules.policy(connection, recovery.policy_version, recovery.invoice_class)
    return Owed(
        recovery=recovery.id,
        invoice=recovery.invoice_id,
        subscription=recovery.subscription_id,
        status=recovery.status,
        retries=recovery.retries,
        failed_at=recovery.failed_at,
        amount=debt.remaining or recovery.amount,
        currency=recovery.currency,
        terms=policy.terms,
        settled=debt.invoice_status in SETTLED,
        under_way=_under_way(connection, debt),
        pause_until=recovery.pause_until,
        closed_reason=recovery.closed_reason,
    )


def _under_way(connection: Connection, debt: Debt) -> bool:
    if debt.recovery.closed_at is not None:
        return False
    return any(state is AttemptState.PROCESSING for state, _ in debts.tries(connection, debt.recovery.id))


def _shown(connection: Connection, recoveries: list[str]) -> Shown | None:
    """Return the newest in-app message of a campaign, without the footer that mails have."""
    row = messages.newest_in_app(connection, recoveries)
    if row is None:
        return None
    return Shown(row["id"], row["subject"] or "", (row["body_text"] or "").partition(FOOTER)[0].strip())
