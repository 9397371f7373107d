"""What all pages share: the templates, and the frame with navigation, switches and clock."""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.people import Actor
from dunning.flows import safety
from dunning.flows.house import House
from dunning.store import segments, switches
from dunning.web import calendars, sentences, tongues, words
from dunning.web.demo_bar import DemoBar
from dunning.web.moments import next_step
from dunning.web.static_files import asset_url
from dunning.web.told import capital

NOTICE = "notice"
MAX_NOTICE = 500
IN_ENGLISH: Final = Markup(' lang="en"')
NAVIGATION = (
    ("/", "Overview", "home"),
    ("/recoveries", "Recoveries", "list"),
    ("/campaigns", "Campaigns", "mail"),
    ("/tasks", "Tasks", "person"),
    ("/messages", "Messages", "note"),
    ("/reports/recovered-revenue", "Report", "chart"),
    ("/settings", "Settings", "gear"),
)


@dataclass(frozen=True, slots=True)
class Screen:
    """Renders pages of one house; `demo` is there while a simulation runs."""

    house: House
    templates: Environment
    demo: DemoBar | None = None

    def calendar(self, tongue: tongues.Tongue | None = None, zone: str | None = None) -> calendars.Calendar:
        """Return the house's calendar: its clock's now, in English or a language.

        Times are in the zone that somebody chose for their pages, else in the report time zone.
        """
        own = ZoneInfo(zone or self.house.settings.report_timezone)
        return calendars.Calendar(self.house.clock.now(), own, tongue)

    def tongue(self, request: Request) -> tongues.Tongue:
        """Return the language of who looks: their own choice, else what their browser asks for."""
        actor: Actor | None = getattr(request.state, "actor", None)
        account = actor is not None and not actor.demo
        chosen = actor.locale if actor and account else request.cookies.get(tongues.COOKIE)
        wishes = request.headers.get("accept-language", "")
        return tongues.staff_tongue(self.house.templates / "words", chosen, wishes)

    def page(self, request: Request, template: str, *, status: int = 200, **facts: Any) -> HTMLResponse:
        """Render a staff page inside the frame."""
        tongue = self.tongue(request)
        actor: Actor = request.state.actor
        calendar = self.calendar(tongue, actor.zone)
        with self.house.store.read() as connection:
            switched = switches.read(connection)
            parts = segments.current(connection)
            alarms = safety.alarms(connection, calendar.now)
        settings = self.house.settings
        frame = {
            "actor": actor,
            "may": actor.may,
            **self._spoken(tongue),
            "languages": tongues.LANGUAGES,
            "money": partial(words.money, locale=tongue.formats.locale),
            "merchant": self.house.merchant,
            "simulated": self.house.simulated,
            "dashboard": words.StripeLinks(settings.livemode, self.house.simulated),
            "zone": calendar.zone.key,
            "path": request.url.path,
            "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            "navigation": NAVIGATION,
            "calendar": calendar,
            "switches": switched,
            "alarms": alarms,
            "unlike": parts.unlike(switched.retries, messages=switched.messages),
            "demo": self.demo.status() if self.demo else None,
            "notice": _notice(request),
        }
        answer = HTMLResponse(self.templates.get_template(template).render(frame | facts), status)
        if NOTICE in request.cookies and not request.headers.get("x-live"):
            answer.delete_cookie(NOTICE)
        return answer

    def door(self, request: Request, template: str, *, status: int = 200, **facts: Any) -> HTMLResponse:
        """Render a page for who is not signed in, in the language that their browser asks for."""
        chosen, wishes = request.cookies.get(tongues.COOKIE), request.headers.get("accept-language", "")
        tongue = tongues.staff_tongue(self.house.templates / "words", chosen, wishes)
        return self.bare(template, status=status, **self._spoken(tongue), **facts)

    def bare(self, template: str, *, status: int = 200, **facts: Any) -> HTMLResponse:
        """Render a page without the staff's frame, for customers."""
        return HTMLResponse(self.templates.get_template(template).render(facts), status)

    def _spoken(self, tongue: tongues.Tongue) -> dict[str, Any]:
        """Return what a template speaks with.

        `t` says a text of the pages, `said` a sentence that was composed in English (`plainly`: for a
        tooltip), and `foreign` marks a text that is in English whatever the language.
        """
        known = (self.house.templates / "words", tongue.language)
        return {
            "t": tongue.t,
            "said": partial(sentences.html, *known),
            "plainly": partial(sentences.plain, *known),
            "lang": tongue.language,
            "foreign": "" if tongue.language == tongues.DEFAULT else IN_ENGLISH,
        }


def make_screen(house: House, demo: DemoBar | None) -> Screen:
    """Return the screen of a house."""
    return Screen(house, environment(house.templates / "web"), demo)


@cache
def environment(folder: Path) -> Environment:
    """Return the templates of a folder, compiled on first use; what differs by house comes with each page."""
    made = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"asset": asset_url, "words": words, "next_step": next_step, "money": words.money}
    made.globals["capital"] = capital
    return made


def back_to(path: str, *, said: str = "", refused: str = "") -> RedirectResponse:
    """Send the browser back to a page with one sentence to show once: what was done, or why it was not."""
    answer = RedirectResponse(path, 303)
    if said or refused:
        value = quote(f"{'refused' if refused else 'said'}:{refused or said}"[:MAX_NOTICE])
        answer.set_cookie(NOTICE, value, max_age=30, httponly=True, samesite="strict")
    return answer


def own_path(path: str) -> str:
    """Return a path of this site to go back to; anything that could lead elsewhere becomes the front page."""
    harmless = path.startswith("/") and "\\" not in path and not path.startswith("//") and path.isprintable()
    return path if harmless else "/"


def _notice(request: Request) -> tuple[str, str] | None:
    """Return (said or refused, the sentence) that the page before left for this one."""
    tone, colon, sentence = unquote(request.cookies.get(NOTICE, "")).partition(":")
    return (tone, sentence) if colon and tone in {"said", "refused"} else None
