"""The page behind a card-update link: looking never writes; only the button mints a Stripe session.

Mail scanners open every link, and some even post its forms: any number of visits and clicks changes nothing
but the memory of the first and the last one, and charges nothing.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from dunning.core.links import read_token
from dunning.core.vocabulary import Status
from dunning.flows import wording
from dunning.flows.house import House
from dunning.store import messages, objects, recoveries
from dunning.store.rows import LinkRow, RecoveryRow
from dunning.timing.localtime import zone_of

PageState = Literal["open", "paid", "expired", "stopped", "unknown"]


@dataclass(frozen=True, slots=True)
class Page:
    """What a customer may see; nothing but the merchant, the plan and what is owed. Minor units."""

    state: PageState
    merchant: str
    amount: int | None = None
    currency: str | None = None
    plan: str | None = None
    failed_on: date | None = None
    why: str | None = None
    needs: wording.Needs | None = None
    simulated: bool = False


def look(house: House, token: str) -> Page:
    """Return the page of a link; a wrong token gets the same answer as one that never was."""
    found = _find(house, token)
    if found is None:
        return Page("unknown", house.merchant, simulated=house.simulated)
    link, recovery = found
    with house.store.read() as connection:
        invoice = objects.invoice(connection, recovery.whose, recovery.invoice_id)
        customer = objects.customer(connection, recovery.whose, recovery.customer_id)
    zone = zone_of(customer.timezone if customer else None, customer.country if customer else None)
    return Page(
        state=_state(house, link, recovery),
        merchant=house.merchant,
        amount=invoice.amount_remaining if invoice and invoice.amount_remaining else recovery.amount,
        currency=recovery.currency,
        plan=invoice.plan if invoice else None,
        failed_on=recovery.failed_at.astimezone(zone).date(),
        why=wording.reason_of(recovery),
        needs="payment" if recovery.by_hand else wording.needs(recovery.decline_class),
        simulated=house.simulated,
    )


def mint(house: House, token: str) -> str | None:
    """Return the URL of the Stripe page that helps now, or None when the link's page is not open.

    A card form of the portal where another card is needed; the hosted invoice where the customer must
    confirm the payment, or pays by hand.

    Raises:
        StripeError: Stripe did not mint the session; nothing was changed.
    """
    found = _find(house, token)
    if found is None:
        return None
    link, recovery = found
    if _state(house, link, recovery) != "open":
        return None
    hosted = recovery.by_hand or wording.needs(recovery.decline_class) == "authentication"
    url = _hosted(house, recovery) if hosted else _portal(house, recovery, token)
    if url is None:
        return None
    with house.store.write() as connection:
        used_for = "hosted_invoice" if hosted else "portal"
        messages.use_link(connection, link.id, house.clock.now(), used_for)
    return url


def _find(house: House, token: str) -> tuple[LinkRow, RecoveryRow] | None:
    link_id = read_token(token, house.secret)
    if link_id is None:
        return None
    with house.store.read() as connection:
        link = messages.link(connection, link_id)
        recovery = recoveries.by_id(connection, link.recovery_id) if link else None
    return (link, recovery) if link is not None and recovery is not None else None


def _state(house: House, link: LinkRow, recovery: RecoveryRow) -> PageState:
    if recovery.status is Status.RECOVERED:
        return "paid"
    if recovery.status is Status.STOPPED:
        return "stopped"
    return "expired" if house.clock.now() >= link.expires_at else "open"


def _hosted(house: House, recovery: RecoveryRow) -> str | None:
    return house.stripe.invoice(recovery.whose, recovery.invoice_id).hosted_url


def _portal(house: House, recovery: RecoveryRow, token: str) -> str | None:
    if recovery.customer_id is None:
        return None
    done = f"{house.settings.base_url}/pay/{token}/done"
    return house.stripe.portal(recovery.whose, recovery.customer_id, return_url=done)
