"""The page behind a link: looking never writes; only the button mints a Stripe session.

Mail scanners open every link, and some even post its forms: any number of visits and clicks changes nothing
but the memory of when it was used, mints a bounded number of sessions, and charges nothing.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dunning.core.links import read_token
from dunning.core.notices import NoticeKind, about_day
from dunning.core.pay_page import PageState, bill_state, free_at, link_state
from dunning.core.vocabulary import AttemptState
from dunning.flows import card_ahead, notice_plan, wording
from dunning.flows.card_ahead import Ahead
from dunning.flows.house import House
from dunning.store import debts, link_turns, messages, objects
from dunning.store.debts import Debt
from dunning.store.rows import LinkRow, RecoveryRow
from dunning.timing.localtime import zone_of_customer

REFUSED: Final = frozenset({AttemptState.DECLINED, AttemptState.NEEDS_ACTION})


@dataclass(frozen=True, slots=True)
class Bill:
    """One unpaid invoice as its customer may see it: amount in minor units, plan, day and reason."""

    recovery: str
    amount: int
    currency: str
    plan: str | None
    failed_on: date
    why: str
    needs: wording.Needs

    @property
    def on_stripes_page(self) -> bool:
        """Return whether another card alone would not help: it is confirmed, or paid, on Stripe's page."""
        return self.needs in {"authentication", "payment"}


@dataclass(frozen=True, slots=True)
class Page:
    """What a customer may see; nothing but the merchant, the plan and what is owed. Minor units."""

    state: PageState
    merchant: str
    own: Bill | None = None  # the one that the link was made for
    bills: tuple[Bill, ...] = ()  # what can be paid here: its own first, then what else is owed
    ahead: Ahead | None = None
    locale: str | None = None
    free_in: timedelta | None = None
    refused: bool = False  # the bank has said no since the link was last used
    simulated: bool = False


def look(house: House, token: str) -> Page:
    """Return the page of a link; a wrong token gets the same answer as one that never was."""
    name = read_token(token, house.secret)
    with house.store.read() as connection:
        if name is not None and name.startswith(card_ahead.PREFIX):
            return _look_ahead(connection, house, name)
        link = messages.link(connection, name) if name is not None else None
        own = debts.of_recovery(connection, link.recovery_id) if link is not None else None
        if link is None or own is None:
            return Page(PageState.UNKNOWN, house.merchant, simulated=house.simulated)
        return _page(connection, house, link, own)


def mint(house: House, token: str, *, recovery: str | None = None) -> str | None:
    """Return the URL of the Stripe page that helps now, or None when the link's page is not open.

    A card form of the portal where another card is needed; the hosted invoice where the customer must
    confirm the payment, pays by hand, or chose this one `recovery` of those on the page.

    Raises:
        StripeError: Stripe did not mint the session; nothing was changed.
    """
    page, name = look(house, token), read_token(token, house.secret)
    if name is None or not (page.bills or page.state is PageState.AHEAD):
        return None
    if page.ahead is not None:
        return card_ahead.mint(house, name, token) if _takes_turn(house, name) else None
    chosen = next((bill for bill in page.bills if bill.recovery == recovery), None)
    with house.store.read() as connection:
        debt = debts.of_recovery(connection, (chosen or page.bills[0]).recovery)
    if debt is None or not _takes_turn(house, name):
        return None
    hosted = chosen is not None or all(bill.on_stripes_page for bill in page.bills)
    url = _hosted(house, debt.recovery) if hosted else _portal(house, debt.recovery, token)
    if url is not None:
        with house.store.write() as connection:
            used_for = "hosted_invoice" if hosted else "portal"
            messages.use_link(connection, name, house.clock.now(), used_for)
    return url


def ask_for_new_link(house: House, token: str) -> None:
    """Mail a new link to the address on file, once a day at most; only an expired link does anything."""
    name = read_token(token, house.secret)
    if name is None or look(house, token).state is not PageState.EXPIRED:
        return
    with house.store.write() as connection:
        link = messages.link(connection, name)
        debt = debts.of_recovery(connection, link.recovery_id) if link is not None else None
        if debt is not None:
            now, recovery = house.clock.now(), debt.recovery
            about = about_day(recovery.id, now)
            notice_plan.plan_for(connection, recovery, NoticeKind.NEW_LINK, about=about, now=now)


def _look_ahead(connection: Connection, house: House, name: str) -> Page:
    now = house.clock.now()
    state, ahead, locale = card_ahead.look(connection, name, now)
    turns = link_turns.of(connection, name)
    free = free_at(turns, now)
    if state is PageState.AHEAD and free is not None:
        state = PageState.TOO_MANY
    return Page(
        state,
        house.merchant,
        ahead=ahead,
        locale=locale,
        free_in=free - now if free is not None else None,
        simulated=house.simulated,
    )


def _page(connection: Connection, house: House, link: LinkRow, own: Debt) -> Page:
    now, recovery = house.clock.now(), own.recovery
    customer = objects.customer(connection, recovery.whose, recovery.customer_id)
    zone = zone_of_customer(customer)
    owed = [own, *_others(connection, own)]
    tried = {debt.recovery.id: debts.tries(connection, debt.recovery.id) for debt in owed}
    stands = {debt.recovery.id: _stands(debt, tried[debt.recovery.id]) for debt in owed}
    payable = [debt for debt in owed if stands[debt.recovery.id] is PageState.OPEN]
    others = sum(debt is not own for debt in payable)
    turns = link_turns.of(connection, link.id)
    state = link_state(stands[recovery.id], others, turns, link.expires_at, now)
    free = free_at(turns, now)
    shut = now >= link.expires_at or free is not None or state is PageState.UNDER_WAY
    used_at = turns.used_at if turns is not None else now
    return Page(
        state,
        house.merchant,
        own=_bill(own, zone),
        bills=() if shut else tuple(_bill(debt, zone) for debt in payable),
        locale=customer.locale if customer else None,
        free_in=free - now if free is not None else None,
        refused=any(
            how in REFUSED and at > used_at for debt in payable for how, at in tried[debt.recovery.id]
        ),
        simulated=house.simulated,
    )


def _others(connection: Connection, own: Debt) -> list[Debt]:
    recovery = own.recovery
    if recovery.customer_id is None:
        return []
    all_of_them = debts.of_customer(connection, recovery.whose, recovery.customer_id)
    open_ones = (debt for debt in all_of_them if debt.recovery.closed_at is None)
    return [debt for debt in open_ones if debt.recovery.invoice_id != recovery.invoice_id]


def _stands(debt: Debt, tried: list[tuple[AttemptState, datetime]]) -> PageState:
    states = frozenset(state for state, _ in tried)
    return bill_state(debt.recovery.status, debt.invoice_status, states)


def _bill(debt: Debt, zone: ZoneInfo) -> Bill:
    recovery, closed = debt.recovery, debt.recovery.closed_at is not None
    return Bill(
        recovery=recovery.id,
        amount=debt.remaining or recovery.amount,
        currency=recovery.currency,
        plan=debt.plan,
        failed_on=recovery.failed_at.astimezone(zone).date(),
        why=wording.reason_of(recovery),
        # A lost one is not tried again by anybody: the customer pays it on its own page.
        needs="payment" if recovery.by_hand or closed else wording.needs(recovery.decline_class),
    )


def _takes_turn(house: House, name: str) -> bool:
    with house.store.write() as connection:
        return link_turns.take(connection, name, house.clock.now())


def _hosted(house: House, recovery: RecoveryRow) -> str | None:
    return house.stripe.invoice(recovery.whose, recovery.invoice_id).hosted_url


def _portal(house: House, recovery: RecoveryRow, token: str) -> str | None:
    if recovery.customer_id is None:
        return None
    done = f"{house.settings.base_url}/pay/{token}/done"
    return house.stripe.portal(recovery.whose, recovery.customer_id, return_url=done)
