"""The languages that staff read: no catalogue lacks a text, and one's choice beats the browser's."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from types import ModuleType
from zoneinfo import ZoneInfo

import pytest
from babel.messages.pofile import read_po
from browser.house import BASE, front_of, furnish
from jinja2 import Environment, nodes
from signed_in import signed_in
from staff_texts import of_reports, of_settings
from starlette.testclient import TestClient

from dunning.core import worth
from dunning.core.declines import TABLE
from dunning.core.retention import schedule
from dunning.resources import templates
from dunning.store import audit
from dunning.web import moments, overview, problems, queue, queue_address, words
from dunning.web.calendars import OF_CALENDAR, Calendar
from dunning.web.screen import NAVIGATION
from dunning.web.tongues import LANGUAGES, staff_tongue

WORDS = templates() / "words"
OTHERS = [language for language in LANGUAGES if language != "en"]
HOLES = re.compile(r"%\(\w+\)s")
OF_CUSTOMERS = re.compile(r"_?pay(_base|_\w+)?\.html|notices\.html|customer_base\.html")
DICTIONARIES = (words, moments, overview, problems, queue, queue_address)
REFUSED = (400, 403, 404, 405, 409)
NAMES_OF_OTHERS = {"BRANDS"}  # their own names, the same in every language
PAGES = [path for path in Path(words.__file__).parent.glob("*.py") if not path.name.startswith("api")]
NOW = datetime(2027, 3, 18, 7, 40, tzinfo=UTC)


def texts() -> set[str]:
    found = {*OF_CALENDAR, *(name for _, name, _ in NAVIGATION)}
    found |= {text for one in schedule(payloads=1, mail=1) for text in (one.what, one.why)}
    found |= of_reports() | of_settings() | {words.decline_title(code, None) for code in TABLE}
    for path in (templates() / "web").glob("*.html"):
        if OF_CUSTOMERS.fullmatch(path.name):
            continue
        for call in Environment().parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            named = isinstance(call.node, nodes.Name) and call.node.name == "t"
            if named and isinstance(call.args[0], nodes.Const):
                found.add(str(call.args[0].value))
    found |= {
        queue_address.GONE,
        worth.WORTH,
        worth.SLIPPING,
        *(HTTPStatus(number).phrase for number in REFUSED),
    }
    found |= {text for module in DICTIONARIES for text in shown(module)}
    return found | {text for path in PAGES for text in said_in(path)}


def shown(module: ModuleType) -> Iterator[str]:
    """Yield what the dictionaries of a module show: a text, or a text with its icon and tone."""
    for name, value in vars(module).items():
        if name.isupper() and isinstance(value, dict) and name not in NAMES_OF_OTHERS:
            told = (one[0] if isinstance(one, tuple) else one for one in value.values())
            yield from (one for one in told if isinstance(one, str))


def said_in(path: Path) -> Iterator[str]:
    """Yield the texts that a module of the pages gives to `t`, or leaves for the next page to say."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "t":
            yield from (str(text.value) for text in call.args[:1] if isinstance(text, ast.Constant))
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        given = call.args[:1] if call.func.id == "t" else []
        if call.func.id == "HTTPException":
            given = call.args[1:2]
        if call.func.id == "back_to":
            given = [keyword.value for keyword in call.keywords if keyword.arg in {"said", "refused"}]
        for either in given:
            branches = (either.body, either.orelse) if isinstance(either, ast.IfExp) else (either,)
            yield from (str(text.value) for text in branches if isinstance(text, ast.Constant))


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_text_with_the_same_holes(language: str) -> None:
    with (WORDS / "staff" / f"{language}.po").open("rb") as file:
        said = {str(message.id): str(message.string) for message in read_po(file) if message.id}
    lacking = sorted(text for text in texts() if not said.get(text))
    assert not lacking, f"untranslated in words/staff/{language}.po:\n" + "\n".join(lacking)
    assert not said.keys() - texts(), "no page says these any more"
    holes = {text for text in said if sorted(HOLES.findall(text)) != sorted(HOLES.findall(said[text]))}
    assert not holes, "other holes than in English"


@pytest.mark.parametrize(
    ("chosen", "accepted", "language"),
    [("it", "de, en;q=0.5", "it"), (None, "de-CH, en;q=0.5", "de"), (None, "", "en"), ("xx", "pt", "en")],
)
def test_a_choice_comes_before_the_browser(chosen: str | None, accepted: str, language: str) -> None:
    assert staff_tongue(WORDS, chosen, accepted).language == language


@pytest.mark.parametrize(
    ("language", "moment", "ago", "ahead"),
    [
        ("en", "Thu 18 Mar 08:40", "3 d", "in 5 h"),
        ("de", "Do., 18. März 08:40", "3 T.", "in 5 Std."),
        ("fr", "jeu. 18 mars 08:40", "3 j", "dans 5 h"),
    ],
)
def test_instants_and_ages_are_told_in_the_language(language: str, moment: str, ago: str, ahead: str) -> None:
    calendar = Calendar(NOW, ZoneInfo("Europe/Berlin"), staff_tongue(WORDS, language, ""))
    assert calendar.moment(NOW) == moment
    assert calendar.ago(NOW - timedelta(days=3)) == ago
    assert calendar.ahead(NOW + timedelta(hours=5)) == ahead


def test_a_person_keeps_a_language_which_is_entered_and_turns_the_frame(database_url: str) -> None:
    house, _ = furnish(database_url, recoveries=0)
    browser = TestClient(signed_in(front_of(house), house), base_url=BASE, follow_redirects=False)
    assert '<html lang="en">' in browser.get("/account").text
    assert browser.post("/account/language", data={"language": "de"}).status_code == 303
    page = browser.get("/account", headers={"accept-language": "fr"}).text
    assert '<html lang="de">' in page
    assert '<main id="main">' in page
    assert "Abmelden" in page
    assert "Sprache Ihrer Seiten" in page
    with house.store.read() as connection:
        newest = audit.page(connection, limit=1)[0]
    assert newest["action"] == "user.language"
    browser.post("/account/language", data={"language": ""})
    assert '<html lang="fr">' in browser.get("/account", headers={"accept-language": "fr"}).text
    house.store.engine.dispose()
