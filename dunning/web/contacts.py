"""The further contacts of a recovery's customer: their page, and the same over the API."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.people import Right
from dunning.flows import contacting
from dunning.flows.house import House
from dunning.flows.staff import Answer
from dunning.store import queue
from dunning.store.contacts import SECOND, SMS
from dunning.web.api import PROBLEMS, ROOT
from dunning.web.api_models import Body, Shape
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

Address = Annotated[str, Field(max_length=320)]


class ContactForm(BaseModel):
    """Both contacts; an empty one is forgotten."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    second_contact: Address = ""
    sms: Address = ""


class ContactBody(Body):
    """What to change: a mail address, a number in E.164; an empty text forgets one, none leaves it."""

    second_contact: Address | None = None
    sms: Address | None = None


class Contacts(Shape):
    """Whom the customer wants written to besides themselves, as kept in dunning; Stripe's metadata apart."""

    second_contact: str | None
    sms: str | None


def contact_pages(screen: Screen) -> APIRouter:
    """Return the page of a customer's contacts, and the route of its form."""
    router = APIRouter(
        include_in_schema=False, prefix="/recoveries/{recovery_id}/contacts", dependencies=[needs(Right.READ)]
    )
    house = screen.house

    @router.get("")
    def page(request: Request, recovery_id: str) -> HTMLResponse:
        kept = contacting.kept(house, recovery_id)
        with house.store.read() as connection:
            row = queue.item(connection, recovery_id)
        keys = (house.settings.second_contact_key, house.settings.sms_consent_key)
        return screen.page(request, "contacts.html", recovery=row, kept=kept, keys=keys)

    @router.post("", dependencies=[needs(Right.ACT)])
    def keep(recovery_id: str, form: Annotated[ContactForm, Form()], by: By) -> RedirectResponse:
        kept = contacting.kept(house, recovery_id)
        wanted = {SECOND: (form.second_contact, kept.second_contact), SMS: (form.sms, kept.sms)}
        changed = {role: new for role, (new, old) in wanted.items() if new != (old or "")}
        refused = _keep(house, recovery_id, changed, by)
        here = f"/recoveries/{recovery_id}/contacts"
        return back_to(here, refused=refused.sentence) if refused else back_to(here, said="Saved.")

    return router


def contact_api(house: House) -> APIRouter:
    """Return the same over the API."""
    path = f"{ROOT}/recoveries/{{recovery_id}}/contacts"
    router = APIRouter(prefix=path, tags=["contacts"], responses=PROBLEMS, dependencies=[needs(Right.READ)])

    @router.get("", operation_id="getContacts")
    def get_contacts(recovery_id: str) -> Contacts:
        """Return the further contacts of the recovery's customer."""
        kept = contacting.kept(house, recovery_id)
        return Contacts(second_contact=kept.second_contact, sms=kept.sms)

    @router.post("", operation_id="setContacts", dependencies=[needs(Right.ACT)])
    def set_contacts(recovery_id: str, body: ContactBody, by: By) -> Contacts:
        """Keep or forget contacts, for all the customer's invoices; a number kept has agreed to texts."""
        given = {SECOND: body.second_contact, SMS: body.sms}
        changed = {role: new for role, new in given.items() if new is not None}
        refused = _keep(house, recovery_id, changed, by)
        if refused is not None:
            raise HTTPException(422, refused.sentence)
        return get_contacts(recovery_id)

    return router


def _keep(house: House, recovery_id: str, changed: dict[str, str], by: str) -> Answer | None:
    """Keep each contact; return the first answer that refuses one."""
    for role, address in changed.items():
        answer = contacting.keep(house, recovery_id, role, address, by=by)
        if not answer.done:
            return answer
    return None
