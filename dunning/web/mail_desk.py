"""The desk of mail: messages that wait or whose fate nobody knows, the look, addresses left alone."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

from dunning.core.people import Right
from dunning.core.vocabulary import MessageState
from dunning.errors import Unusable
from dunning.flows import approving, looks, suppressing, wording
from dunning.flows.staff import Answer
from dunning.mail.look import Look, Tone
from dunning.store import letters, mail_texts, messages, suppressions
from dunning.web import tongues
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

HOME: Final = "/messages"
LOOK: Final = f"{HOME}/look"
ONE_CLICK: Final = "One-Click"  # RFC 8058 §3.1
LEFT_ALONE: Final = f"{HOME}/suppressed"
TABS: Final = ("waiting", "unknown", "failed", "sent")

Line = Annotated[str, Field(max_length=500)]


class RefuseForm(BaseModel):
    """Why a message never goes out."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    reason: Annotated[str, Field(min_length=1, max_length=300)]


class LookForm(BaseModel):
    """The parts of the look."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    name: Line = ""
    support: Line = ""
    logo: Line = ""
    colour: Line = ""
    from_name: Line = ""
    reply_to: Line = ""
    tone: Line = ""
    language: Line = ""


class AddressForm(BaseModel):
    """An address, and why it is left alone."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    address: Annotated[str, Field(max_length=320)]
    reason: Annotated[str, Field(max_length=200)] = ""


def mail_desk_pages(screen: Screen) -> APIRouter:
    """Return the routes of the messages that wait or whose fate nobody knows, and their forms."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get(HOME)
    def desk(
        request: Request, tab: Literal["waiting", "unknown", "failed", "sent"] = "waiting"
    ) -> HTMLResponse:
        with house.store.read() as connection:
            waiting = messages.waiting(connection)
            rows = waiting if tab == "waiting" else letters.in_state(connection, MessageState(tab))
            left_alone = suppressions.count(connection)
        facts: dict[str, Any] = {"tab": tab, "tabs": TABS, "rows": rows, "waiting": len(waiting)}
        return screen.page(request, "mail_desk.html", **facts, left_alone=left_alone)

    @router.post(HOME + "/{message_id}/approve", dependencies=[needs(Right.ACT)])
    def approve(message_id: str, by: By) -> RedirectResponse:
        return _told(HOME, approving.approve(house, message_id, by=by))

    @router.post(HOME + "/{message_id}/refuse", dependencies=[needs(Right.ACT)])
    def refuse(message_id: str, form: Annotated[RefuseForm, Form()], by: By) -> RedirectResponse:
        return _told(HOME, approving.refuse(house, message_id, why=form.reason, by=by))

    return router


def mail_look_pages(screen: Screen) -> APIRouter:
    """Return the routes of the look and of the addresses left alone, and their forms."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get(LOOK)
    def look(request: Request) -> HTMLResponse:
        with house.store.read() as connection:
            found = wording.look_of(connection)
            versions = mail_texts.looks(connection)
        facts: dict[str, Any] = {"look": found, "tones": list(Tone), "versions": versions, "built_in": Look()}
        return screen.page(request, "mail_look.html", **facts)

    @router.post(LOOK, dependencies=[needs(Right.ADMIN)])
    def set_look(form: Annotated[LookForm, Form()], by: By) -> RedirectResponse:
        try:
            done = looks.publish(house, form.model_dump(), by=by)
        except Unusable as error:
            return back_to(LOOK, refused=f"Nothing was changed. {error}")
        return back_to(
            LOOK, said=f"Version {done.version} is in force." if done.changed else "Nothing changed."
        )

    @router.get(LEFT_ALONE)
    def left_alone(request: Request, released: Literal["yes", "no"] = "no") -> HTMLResponse:
        with house.store.read() as connection:
            rows = suppressions.listed(connection, released=released == "yes")
        return screen.page(request, "mail_suppressed.html", rows=rows, released=released == "yes")

    @router.post(LEFT_ALONE, dependencies=[needs(Right.ACT)])
    def suppress(form: Annotated[AddressForm, Form()], by: By) -> RedirectResponse:
        return _told(LEFT_ALONE, suppressing.suppress(house, form.address, why=form.reason, by=by))

    @router.post(LEFT_ALONE + "/release", dependencies=[needs(Right.ACT)])
    def release(form: Annotated[AddressForm, Form()], by: By) -> RedirectResponse:
        return _told(LEFT_ALONE, suppressing.release(house, form.address, by=by))

    return router


def notice_pages(screen: Screen) -> APIRouter:
    """Return the customer's page that switches friendly notices off: one POST does, however often (RFC 8058).

    Only a body that says so does: scanners of mail open every link, and some post to it.
    """
    router = APIRouter(include_in_schema=False)
    house = screen.house

    @router.get("/pay/notices/{token}")
    def ask(request: Request, token: str) -> Response:
        if wording.address_in(token, house.secret) is None:
            return PlainTextResponse("This link is not one of ours.\n", 404)
        return _notices(screen, request, token, done=False)

    @router.post("/pay/notices/{token}")
    def switch_off(
        request: Request, token: str, said: Annotated[str, Form(alias="List-Unsubscribe")] = ""
    ) -> Response:
        address = wording.address_in(token, house.secret)
        if address is None:
            return PlainTextResponse("This link is not one of ours.\n", 404)
        if said == ONE_CLICK:
            suppressing.switch_off_notices(house, address)
        return _notices(screen, request, token, done=said == ONE_CLICK)

    return router


def _notices(screen: Screen, request: Request, token: str, *, done: bool) -> Response:
    """Show the page in the language that was chosen, or else what the browser asks for."""
    wishes = tongues.wished(request.headers.get("accept-language", ""))
    tongue = tongues.tongue(screen.house.templates / "words", request.query_params.get("lang"), *wishes)
    languages = list(tongues.switches(f"/pay/notices/{token}", tongue.language))
    facts: dict[str, Any] = {"tongue": tongue, "t": tongue.t, "languages": languages, "click": ONE_CLICK}
    return screen.bare("notices.html", merchant=screen.house.merchant, done=done, **facts)


def _told(path: str, answer: Answer) -> RedirectResponse:
    if answer.done:
        return back_to(path, said=answer.sentence)
    return back_to(path, refused=answer.sentence)
