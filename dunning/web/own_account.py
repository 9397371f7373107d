"""One's own account: password, sessions, signing out."""

from typing import Annotated, Any
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from dunning.core.people import PASSWORD_LEAST, Actor, Right
from dunning.errors import Unusable
from dunning.flows import people, signing_in
from dunning.flows.house import House
from dunning.store import sessions
from dunning.web import tongues
from dunning.web.reception import cookie_name, secure
from dunning.web.rights import Who, needs
from dunning.web.screen import Screen, back_to

HOME = "/account"
YEAR_S = 365 * 86400
LONG = Field(max_length=1000)


class ChangeForm(BaseModel):
    """The present password and the new one."""

    model_config = ConfigDict(extra="forbid")
    old: Annotated[str, LONG]
    new: Annotated[str, LONG]


class LanguageForm(BaseModel):
    """The language of one's own pages; empty: what the browser asks for."""

    model_config = ConfigDict(extra="forbid")
    language: Annotated[str, Field(max_length=20)] = ""


class SessionForm(BaseModel):
    """One of one's own sessions."""

    model_config = ConfigDict(extra="forbid")
    session: Annotated[str, Field(max_length=100)]


def account_pages(screen: Screen) -> APIRouter:
    """Return the routes of one's own account, for every person."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get(HOME)
    def account(request: Request, who: Who) -> HTMLResponse:
        with house.store.read() as connection:
            own = sessions.of_user(connection, who.user_id) if who.user_id else ()
        shown: dict[str, Any] = {"sessions": own, "least": PASSWORD_LEAST, "chosen": _chosen(request, who)}
        shown |= {"zones": sorted(available_timezones()), "report_zone": house.settings.report_timezone}
        return screen.page(request, "account.html", **shown)

    @router.post(f"{HOME}/password")
    def change(form: Annotated[ChangeForm, Form()], who: Who) -> RedirectResponse:
        if who.user_id is None:
            return back_to(HOME, refused="Only somebody with an account has a password.")
        try:
            people.change_password(house, who.user_id, form.old, form.new, session=who.session)
        except Unusable as error:
            return back_to(HOME, refused=str(error))
        return back_to(HOME, said="Your password is changed; your other sessions have ended.")

    @router.post(f"{HOME}/language")
    def speak(form: Annotated[LanguageForm, Form()], who: Who) -> RedirectResponse:
        chosen = form.language if form.language in tongues.LANGUAGES else None
        return _keep(house, who, chosen)

    @router.post(f"{HOME}/sessions/end")
    def end(form: Annotated[SessionForm, Form()], who: Who) -> RedirectResponse:
        if signing_in.end_own(house, who, form.session):
            return back_to(HOME, said="That session has ended.")
        return back_to(HOME, refused="You have no such session.")

    @router.post("/logout")
    def leave(request: Request, who: Who) -> Response:
        signing_in.sign_out(house, who)
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(
            cookie_name(request.scope, house), secure=secure(request.scope, house), httponly=True
        )
        answer.headers["clear-site-data"] = '"cache", "storage"'
        return answer

    return router


def _chosen(request: Request, who: Actor) -> str | None:
    return who.locale if who.user_id else request.cookies.get(tongues.COOKIE)


def _keep(house: House, who: Actor, chosen: str | None) -> RedirectResponse:
    answer = back_to(HOME)
    if who.user_id is not None:
        people.choose_language(house, who.user_id, chosen)
    elif chosen:
        answer.set_cookie(tongues.COOKIE, chosen, max_age=YEAR_S, httponly=True, samesite="strict")
    else:
        answer.delete_cookie(tongues.COOKIE)
    return answer
