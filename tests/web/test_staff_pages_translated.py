"""The pages that staff live in, read in German: nothing that a catalogue knows is left in English."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from browser.house import BASE, front_of, furnish
from signed_in import signed_in
from starlette.testclient import TestClient
from web.test_staff_tongues import WORDS, texts

from dunning.web.tongues import staff_tongue

GERMAN = staff_tongue(WORDS, "de", "")
SPOKEN = ("title", "aria-label", "placeholder")
SILENT = {"script", "style", "option"}
VALUES = {"off", "on"}  # of settings, as they are written
HOLE = re.compile(r"%\(\w+\)s")
LEAST = 6  # letters of a text beside its holes; fewer fit anything
VOID = {"meta", "link", "input", "br", "wbr", "img", "path", "line", "rect", "circle"}


class Reader(HTMLParser):
    """Collects what a page says, but for what it says to be in English, code, and the marks of a form."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.open: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = dict(attrs)
        english = own.get("lang", "de") != "de" or tag in {"code", *SILENT}
        mute = english or (self.open[-1][1] if self.open else False)
        if not mute:
            self.said += [own[name] or "" for name in SPOKEN if own.get(name)]
        if tag not in VOID:
            self.open.append((tag, mute))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open and not self.open[-1][1] and data.strip():
            self.said.append(" ".join(data.split()))


def pattern(text: str) -> re.Pattern[str]:
    """Return what fits a text with anything in its holes."""
    return re.compile(".+".join(re.escape(part) for part in HOLE.split(text)))


ENGLISH = {text for text in texts() if GERMAN.t(text) != text} - {GERMAN.t(text) for text in texts()}
PATTERNS = [pattern(text) for text in ENGLISH if "%(" in text and len(HOLE.sub("", text)) >= LEAST]


def leftovers(page: str) -> Iterator[str]:
    """Yield what is said in English although the catalogue has German words for it."""
    reader = Reader()
    reader.feed(page)
    for said in reader.said:
        if said in ENGLISH - VALUES or any(one.fullmatch(said) for one in PATTERNS):
            yield said


@pytest.fixture
def browser(sqlite_url: str) -> Iterator[tuple[TestClient, list[str]]]:
    house, ids = furnish(sqlite_url, recoveries=12)
    client = TestClient(signed_in(front_of(house), house), base_url=BASE)
    client.post("/account/language", data={"language": "de"})
    yield client, list(ids)
    house.store.engine.dispose()


def test_every_page_that_staff_live_in_is_german(browser: tuple[TestClient, list[str]]) -> None:
    client, ids = browser
    tabs = ("needs_action", "mine", "snoozed", "waiting", "open", "closed")
    paths = ["/", "/tasks", "/account", "/settings/installation", "/recoveries?q=nobody-like-this"]
    paths += [f"/recoveries?tab={tab}" for tab in tabs]
    paths += ["/recoveries?tab=open&slipping=true&age=3&decline_class=fraud", "/recoveries/rec_none"]
    paths += [f"/recoveries/{recovery_id}" for recovery_id in ids]
    found = {}
    for path in paths:
        page = client.get(path).text
        assert '<html lang="de">' in page, path
        assert '<main id="main">' in page, path
        found[path] = sorted(set(leftovers(page)))
    assert not {path: said for path, said in found.items() if said}


def test_the_doors_speak_as_the_browser_asks(browser: tuple[TestClient, list[str]]) -> None:
    client, _ = browser
    client.cookies.clear()
    page = client.get("/login", headers={"accept-language": "de-CH,en;q=0.5"}).text
    assert "Anmelden" in page
    assert not list(leftovers(page))
    refused = client.post("/login", data={"email": "x@y.example", "password": "no"}).text
    assert '<html lang="en">' in refused
