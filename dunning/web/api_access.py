"""The access verdict over the API: may this customer use the product, until when, and what to show them."""

from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Path, Query, Request

from dunning.core.access import SAID, Level, Verdict, Why
from dunning.core.billing import Whose
from dunning.core.people import Right
from dunning.flows.access import Access, access
from dunning.flows.house import House
from dunning.web import tongues
from dunning.web.api import PROBLEMS, ROOT
from dunning.web.api_models import Shape
from dunning.web.rights import needs
from dunning.web.tongues import Tongue

STRIPE_ID = r"^[A-Za-z0-9_]{1,255}$"
SHUT = {
    Level.RESTRICTED: "Your access is limited, because a payment of %(amount)s is open. "
    "It returns as soon as that is paid.",
    Level.NONE: "Your access is suspended, because a payment of %(amount)s is open. "
    "It returns as soon as that is paid.",
}
FAILED = "Your last payment of %(amount)s did not go through. Please update your payment method."
FAILED_UNTIL = (
    "Your last payment of %(amount)s did not go through. "
    "Please update your payment method by %(day)s to keep your access."
)
PROMISED = "A payment of %(amount)s is open; thank you for settling it by %(day)s."


class Banner(Shape):
    """What to show the customer; `message` names the campaign's in-app message that it is, if it is one."""

    title: str | None
    text: str
    locale: str
    message: str | None


class Item(Shape):
    """One invoice behind the verdict; its recovery takes `POST /recoveries/{id}/link` for a link to pay."""

    recovery: str
    invoice: str
    subscription: str | None
    amount: int
    currency: str
    level: Level
    why: Why
    until: datetime | None


class AccessVerdict(Shape):
    """What a customer may use: `full`, `grace` (full, with a banner), `restricted` or `none`.

    It holds `until` an instant (UTC), or without one until something happens. `owed` are minor units.
    """

    customer: str
    level: Level
    until: datetime | None
    why: Why
    explanation: str
    owed: dict[str, int]
    banner: Banner | None
    items: list[Item]
    as_of: datetime

    @classmethod
    def of(cls, found: Access, tongue: Tongue) -> Self:
        """Return the shape of a verdict, in a language."""
        verdict = found.verdict
        return cls(
            customer=found.customer,
            level=verdict.level,
            until=verdict.until,
            why=verdict.why,
            explanation=SAID[verdict.why],
            owed=found.amounts,
            banner=_banner(found, tongue),
            items=[_item(found, place) for place in range(len(found.items))],
            as_of=found.as_of,
        )


def access_api(house: House) -> APIRouter:
    """Return the route of the access verdict."""
    router = APIRouter(
        prefix=f"{ROOT}/customers",
        tags=["access"],
        responses={422: PROBLEMS[422]},
        dependencies=[needs(Right.READ)],
    )

    @router.get("/{customer_id}/access", operation_id="getAccess")
    def get_access(
        request: Request,
        customer_id: Annotated[str, Path(pattern=STRIPE_ID, description="As Stripe names it: `cus_…`.")],
        locale: Annotated[
            str | None, Query(max_length=35, description="Of the banner; otherwise the customer's own.")
        ] = None,
        subscription: Annotated[
            str | None, Query(pattern=STRIPE_ID, description="Only what this subscription owes.")
        ] = None,
        account: Annotated[str, Query(pattern=STRIPE_ID, description="A connected account.")] = "self",
    ) -> AccessVerdict:
        """Return what a customer may use; somebody whose payments never failed has full access."""
        whose = Whose(account, house.settings.livemode)
        found = access(house, whose, customer_id, subscription=subscription)
        wishes = tongues.wished(request.headers.get("accept-language", ""))
        tongue = tongues.tongue(house.templates / "words", locale, found.locale, *wishes)
        return AccessVerdict.of(found, tongue)

    return router


def _item(found: Access, place: int) -> Item:
    owed, verdict = found.items[place]
    return Item(
        recovery=owed.recovery,
        invoice=owed.invoice,
        subscription=owed.subscription,
        amount=owed.amount,
        currency=owed.currency,
        level=verdict.level,
        why=verdict.why,
        until=verdict.until,
    )


def _banner(found: Access, tongue: Tongue) -> Banner | None:
    if found.verdict.level is Level.FULL:
        return None
    if found.shown is not None:
        shown = found.shown
        return Banner(title=shown.title, text=shown.text, locale=tongue.language, message=shown.id)
    return Banner(title=None, text=_text(found, found.verdict, tongue), locale=tongue.language, message=None)


def _text(found: Access, verdict: Verdict, tongue: Tongue) -> str:
    amount = " + ".join(tongue.money(sum_, currency) for currency, sum_ in found.amounts.items())
    if verdict.level in SHUT:
        return tongue.t(SHUT[verdict.level], amount=amount)
    if verdict.until is None:
        return tongue.t(FAILED, amount=amount)
    text = PROMISED if verdict.why is Why.PROMISED else FAILED_UNTIL
    return tongue.t(text, amount=amount, day=tongue.day(verdict.until.astimezone(found.zone).date()))
