"""The texts of messages: listed, edited with errors by line, previewed, tested, taken back."""

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.people import Right
from dunning.errors import Unusable
from dunning.flows import texts
from dunning.flows.house import House
from dunning.flows.texts import Published
from dunning.mail.samples import SAMPLES
from dunning.mail.texts import BUILT_IN_LANGUAGES
from dunning.store import mail_texts
from dunning.web.gates import STRIPE_PAGES, content_security_policy
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

HOME: Final = "/messages/texts"
MOST: Final = 20_000  # characters of a text: the form must fit into a request

Language = Annotated[str, Field(max_length=20)]
Scheme = Literal["light", "dark"]
Width = Literal["wide", "phone"]


class Looking(BaseModel):
    """What of a text is looked at, and how."""

    model_config = ConfigDict(extra="forbid")
    language: Language = "en"
    sample: Annotated[str, Field(max_length=40)] = "usual"
    width: Width = "wide"
    scheme: Scheme = "light"


class TextForm(Looking):
    """A text as it was typed; it is published, or only shown."""

    source: Annotated[str, Field(max_length=MOST)]
    note: Annotated[str, Field(max_length=200)] = ""
    do: Literal["publish", "preview"] = "preview"


class BackForm(BaseModel):
    """The version to go back to; 0 is the built-in text."""

    model_config = ConfigDict(extra="forbid")
    language: Language
    version: Annotated[int, Field(ge=0)]


class TestForm(BaseModel):
    """Who gets a test."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    language: Language
    sample: Annotated[str, Field(max_length=40)]
    to: Annotated[str, Field(max_length=320)]


def mail_text_pages(screen: Screen) -> APIRouter:
    """Return the routes of the texts and their forms."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get(HOME)
    def show_list(request: Request) -> HTMLResponse:
        return screen.page(request, "mail_texts.html", texts=texts.listed(house))

    @router.get(HOME + "/{template}")
    def show(request: Request, template: str, how: Annotated[Looking, Query()]) -> HTMLResponse:
        return _editor(screen, request, template, how)

    @router.post(HOME + "/{template}", dependencies=[needs(Right.ADMIN)])
    def edit(request: Request, template: str, form: Annotated[TextForm, Form()], by: By) -> Any:
        if form.do == "preview":
            return _editor(screen, request, template, form, form.source)
        done = texts.publish(house, template, form.language, form.source, by=by, note=form.note)
        if done.problems:
            return _editor(screen, request, template, form, form.source)
        return _published(template, form.language, done)

    @router.post(HOME + "/{template}/back", dependencies=[needs(Right.ADMIN)])
    def back(template: str, form: Annotated[BackForm, Form()], by: By) -> RedirectResponse:
        done = texts.roll_back(house, template, form.language, form.version, by=by)
        return _published(template, form.language, done)

    @router.post(HOME + "/{template}/test", dependencies=[needs(Right.ACT)])
    def send_test(template: str, form: Annotated[TestForm, Form()], by: By) -> RedirectResponse:
        answer = texts.send_test(house, template, form.language, form.sample, to=form.to, by=by)
        told = {"said": answer.sentence} if answer.done else {"refused": answer.sentence}
        return back_to(_page(template, form.language), **told)

    return router


def _published(template: str, language: str, done: Published) -> RedirectResponse:
    said = f"Version {done.version} is in force." if done.changed else "Nothing changed."
    return back_to(_page(template, language), said=said)


def _page(template: str, language: str) -> str:
    return f"{HOME}/{template}?language={language}"


def _editor(
    screen: Screen, request: Request, template: str, how: Looking, typed: str | None = None
) -> HTMLResponse:
    house = screen.house
    found = texts.text_of(house, template, how.language)
    problems = texts.checked(house, how.language, typed) if typed is not None else []
    with house.store.read() as connection:
        versions = mail_texts.history(connection, template, how.language)
    page = screen.page(
        request,
        "mail_text.html",
        status=422 if problems else 200,
        name=template,
        how=how,
        source=found.source if typed is None else typed,
        problems=problems,
        versions=versions,
        languages=dict.fromkeys((*BUILT_IN_LANGUAGES, how.language)),
        samples=list(SAMPLES),
        **({"shown": None, "framed": "", "why_not": ""} if problems else _shown(house, template, how, typed)),
    )
    policy = content_security_policy(STRIPE_PAGES, styles="'self' 'unsafe-inline'")
    page.headers["content-security-policy"] = policy.replace("img-src 'self'", "img-src 'self' https:")
    return page


def _shown(house: House, template: str, how: Looking, typed: str | None) -> dict[str, Any]:
    try:
        shown = texts.preview(house, template, how.language, how.sample, source=typed)
    except Unusable as error:
        return {"shown": None, "framed": "", "why_not": str(error)}
    return {"shown": shown, "framed": framed(shown.html, how.scheme), "why_not": ""}


def framed(html: str, scheme: Scheme) -> str:
    """Return a mail's page as one colour scheme shows it, whichever the reader's own is."""
    asked = "@media (prefers-color-scheme: dark)"
    return html.replace(asked, "@media all" if scheme == "dark" else "@media not all")
