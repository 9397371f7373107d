"""What the core says in English is said on the pages in the language of who looks; nothing is left out."""

import ast
import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from browser.house import BASE, front_of, furnish
from signed_in import signed_in
from starlette.testclient import TestClient

import dunning
from dunning.core import declines
from dunning.resources import templates
from dunning.timing import Attempt, Case
from dunning.timing import words as timing_words
from dunning.web import sentences
from dunning.web.tongues import LANGUAGES
from dunning.web.words import decline_title

WORDS = templates() / "words"
OTHERS = [language for language in LANGUAGES if language != "en"]
CODE = Path(dunning.__file__).parent
# Whose sentences reach a page, by way of a row, a refusal or a note.
MODULES = """
core/campaign core/course core/debt core/months core/notices core/people core/recovery
core/two_collectors core/choosing core/conditions core/segments core/sending core/campaign_checks
timing/rules timing/words core/card_numbers flows/abandonment flows/approving flows/arms
flows/attempting flows/bulk flows/bulk_actions flows/campaigns flows/card_limits flows/carrying_out
flows/charging flows/conclusion flows/contacting flows/contradiction flows/delivering flows/desk
flows/drafts flows/erasing flows/giving_up flows/guard flows/holding_back flows/joining
flows/last_resort flows/learn flows/listening flows/messaging flows/moving flows/notice_sending
flows/noticing flows/obstacles flows/opening flows/own_refusal flows/parts flows/people flows/placing
flows/preview flows/recipients flows/replacing flows/report flows/safety flows/sending flows/signing_in
flows/staff flows/steer flows/suppressing flows/switches flows/tasks flows/texts flows/tokens
flows/unknown flows/uplift flows/waking web/campaign_drafts web/campaigns web/card_rules web/health
web/jobs web/months web/own_zone web/people web/problems web/queue web/recovery web/settings_forms
web/settings_page web/tokens web/webhooks web/rights
""".split()
HOLE = re.compile(r"%\((\w+)\)s")
# Beginnings that are put together in one place only, with words that have texts of their own.
PUT_TOGETHER = (
    *("the law:", "not known:", "ours to collect;", "does not let this key charge", "Stripe is away ("),
    *("which you lack", "tried again: the customer", "this card is useless", "was asked for before"),
    *("is recovered: by", "choose of", "Stopped: 7", "we only watch", "can pay now", "The customer's 7 was"),
    *("Stripe's events 7 first", "events could not be read:", "7: 7 7; 7."),
)


def told(language: str) -> dict[str, str]:
    with (WORDS / sentences.FOLDER / f"{language}.po").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file) if one.id}


def spelt(node: ast.AST) -> str | None:
    """Return a text of the code, its holes filled with a number; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(spelt(part) or "7" for part in node.values)
    return None


def written(name: str) -> Iterator[str]:
    """Yield the whole sentences that a module composes."""
    tree = ast.parse((CODE / f"{name}.py").read_text(encoding="utf-8"))
    holders = [node for node in ast.walk(tree) if hasattr(node, "body") and isinstance(node.body, list)]
    inner = {id(node.body[0].value) for node in holders if node.body and isinstance(node.body[0], ast.Expr)}
    inner |= {id(p) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for p in node.values}
    for node in ast.walk(tree):
        text = None if id(node) in inner else spelt(node)
        if text and re.fullmatch(r"[A-Z0-9].* .*\.", text):
            yield text


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_says_the_same_sentences_with_the_same_holes(language: str) -> None:
    mine, french = told(language), told("fr")
    assert mine.keys() == french.keys()
    for text, said in mine.items():
        assert said, text
        assert sorted(HOLE.findall(said)) == sorted(HOLE.findall(text)), text


@pytest.mark.parametrize("name", MODULES)
def test_every_sentence_that_reaches_a_page_is_said(name: str) -> None:
    lacking = [
        text
        for text in written(name)
        if not any(part in text for part in PUT_TOGETHER)
        and not all(
            one.known or one.text.strip(". ").isdigit() for one in sentences.pieces(WORDS, "fr", text)
        )
    ]
    assert lacking == []


@pytest.mark.parametrize("language", OTHERS)
def test_what_every_decline_is_called_and_means_is_said(language: str) -> None:
    for code, row in declines.TABLE.items():
        for text in (decline_title(code, None), row.words_for_staff):
            assert all(one.known for one in sentences.pieces(WORDS, language, text)), text
    rows = csv.DictReader((CODE / "core" / "network_advice.csv").read_text(encoding="utf-8").splitlines())
    for row in rows:
        said = sentences.pieces(WORDS, language, row["words_for_staff"])
        assert all(one.known for one in said), row


@pytest.mark.parametrize("language", OTHERS)
def test_why_this_time_is_said_whatever_it_tells(language: str) -> None:
    local = datetime(2027, 3, 19, 8, 59, tzinfo=UTC)
    case = Case("in_1", 2900, "usd", (Attempt(local, paid=False),), local, 3, country="US", funding="credit")
    for family in timing_words.FAMILY_WORDS:
        for story in timing_words._STORY_WORDS:
            for counted in ((0, 0), (96, 41)):
                for one in (case, replace(case, country=None, funding=None)):
                    why = timing_words.choice_reason(one, family, story, local, counted)
                    assert all(piece.known for piece in sentences.pieces(WORDS, language, why)), why
                    left = {
                        w
                        for w in ("recovers", "clears", "cards", "such", "their")
                        if w in words_of(why, language)
                    }
                    assert not left, (why, left)
        for tries in (1, 3):
            why = timing_words.not_worth(family, tries)
            assert "card" not in words_of(why, language), why


def words_of(text: str, language: str) -> set[str]:
    return set(re.findall(r"\w+", sentences.plain(WORDS, language, text)))


def test_names_and_figures_stay_in_what_is_said() -> None:
    assert sentences.plain(WORDS, "de", "Given to ana@acme.example.") == "ana@acme.example zugewiesen."
    said = sentences.plain(WORDS, "fr", "The payment failed. Stripe retries this invoice; we only watch.")
    assert said == "Le paiement a échoué. Stripe réessaie cette facture ; nous ne faisons qu’observer."
    assert (
        sentences.plain(WORDS, "es", "Mastercard says to wait 72 hours.")
        == "Mastercard dice que se esperen 72 horas."
    )


def test_what_is_not_known_stays_in_english_and_is_marked() -> None:
    said = sentences.html(WORDS, "it", "The invoice was paid. Ask <b>Ana</b> about it.")
    assert said == 'La fattura è stata pagata. <span lang="en">Ask &lt;b&gt;Ana&lt;/b&gt; about it.</span>'
    assert sentences.html(WORDS, "en", "Ask <b>Ana</b> about it.") == "Ask &lt;b&gt;Ana&lt;/b&gt; about it."


@pytest.mark.parametrize("language", OTHERS)
def test_a_recovery_says_why_in_the_language_of_who_looks(sqlite_url: str, language: str) -> None:
    house, ids = furnish(sqlite_url, recoveries=30)
    http = TestClient(signed_in(front_of(house), house), base_url=BASE, headers={"accept-language": language})
    for path in (
        "/recoveries?tab=open",
        "/recoveries?tab=closed",
        "/",
        *(f"/recoveries/{one}" for one in ids),
    ):
        page = http.get(path).text
        english = re.findall(r'<span lang="en">(.*?)</span>', page, re.DOTALL)
        assert not english, (path, english[:3])
    house.store.engine.dispose()
