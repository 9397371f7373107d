"""The languages that customers read: whose wish wins, and that no catalogue lacks a word."""

import re
from collections.abc import Iterator
from datetime import date

import pytest
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

from dunning.core.declines import DeclineClass, customer_wording
from dunning.resources import templates
from dunning.web import api_access, tongues
from dunning.web.tongues import LANGUAGES, tongue, wished

WORDS = templates() / "words"
OTHERS = [language for language in LANGUAGES if language != "en"]
OF_PAYING = re.compile(r"_?pay(_\w+)?\.html")
HOLES = re.compile(r"%\(\w+\)s")


def texts_of_pages() -> Iterator[str]:
    """Yield every text that the customers' pages translate."""
    environment = Environment()
    pages = templates() / "web"
    theirs = [path for path in pages.glob("*.html") if OF_PAYING.fullmatch(path.name)]
    for path in sorted([*theirs, pages / "notices.html"]):
        for call in environment.parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            named = isinstance(call.node, nodes.Name) and call.node.name == "t"
            if named and isinstance(call.args[0], nodes.Const):
                yield str(call.args[0].value)


def texts() -> set[str]:
    reasons = {customer_wording(each) for each in DeclineClass} | {"it is past its due date"}
    reasons.add(customer_wording(DeclineClass.NEEDS_CARD, "expired_card"))
    banners = {*api_access.SHUT.values(), api_access.FAILED, api_access.FAILED_UNTIL, api_access.PROMISED}
    return set(texts_of_pages()) | reasons | banners


@pytest.mark.parametrize("language", OTHERS)
def test_a_catalogue_has_every_text_with_the_same_holes_and_no_other(language: str) -> None:
    with (WORDS / f"{language}.po").open("rb") as file:
        found = {message.id: message.string for message in read_po(file) if message.id}
    assert set(found) == texts()
    for english, said in found.items():
        assert said, english
        assert sorted(HOLES.findall(said)) == sorted(HOLES.findall(english)), english


def test_there_are_texts_to_translate() -> None:
    assert len(texts()) > 60


@pytest.mark.parametrize(
    ("wishes", "language"),
    [
        (("de",), "de"),
        ((None, "fr-CA"), "fr"),
        (("pt-BR", "es_MX"), "es"),
        (("xx", "../../etc"), "en"),
        ((), "en"),
        (("IT",), "it"),
    ],
)
def test_the_first_wish_that_we_speak_wins(wishes: tuple[str | None, ...], language: str) -> None:
    assert tongue(WORDS, *wishes).language == language


@pytest.mark.parametrize(
    ("header", "tags"),
    [
        ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", ["fr-CH", "fr", "en", "de"]),
        ("en;q=0.2, it;q=0.9", ["it", "en"]),
        ("de;q=0, es", ["es"]),
        ("", []),
        ("nonsense here, q=1;;, \x00, " + "a-" * 500, []),
    ],
)
def test_a_browser_says_what_it_would_rather_read(header: str, tags: list[str]) -> None:
    assert wished(header) == tags


def test_money_and_days_are_written_as_the_region_does() -> None:
    french, swiss = tongue(WORDS, "fr"), tongue(WORDS, "de-CH")
    assert french.money(123450, "eur") == "1\u202f234,50\xa0€"
    assert french.day(date(2027, 3, 1)) == "1 mars 2027"
    assert swiss.money(123450, "chf") == "CHF\xa01’234.50"


def test_a_switch_leads_to_the_same_page_in_each_language() -> None:
    found = list(tongues.switches("/pay/x", "it"))
    assert ("de", "Deutsch", "/pay/x?lang=de", False) in found
    assert [tag for tag, _, _, here in found if here] == ["it"]
