"""The built-in texts in five languages and two tones: complete, kind, and found for each customer."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from dunning.core.declines import DeclineClass, customer_wording
from dunning.gateway.shapes import read_customer
from dunning.mail.context import MailContext
from dunning.mail.look import Look, Tone
from dunning.mail.render import check_text, render
from dunning.mail.samples import SAMPLES
from dunning.mail.texts import BUILT_IN_LANGUAGES, find, first_spoken, locale_of, names, pieces, reason_in

FOLDER = Path(__file__).parents[2] / "templates" / "email"
TEMPLATES = names(FOLDER)
USUAL = SAMPLES["usual"]
# Neither theft nor fraud nor threats, in any of the languages.
UNSPEAKABLE = re.compile(
    r"\b(lost|stolen|fraud\w*|theft|suspen\w*|legal|debt\w*|perdue?s?|vole?e?|volée?s?|fraude\w*|dette\w*|"
    r"persa|rubat\w*|frod\w*|furto|debit[oi]|verloren|gestohlen|betrug\w*|schuld\w*|mahn\w*|"
    r"perdid\w*|robad\w*|robo|deuda\w*|moros\w*|inkasso|recouvrement)\b",
    re.IGNORECASE,
)
BUTTONLESS = {"recovered"}


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_built_in_text_is_there_in_every_language_and_tone_and_has_no_problem(template: str) -> None:
    for language in BUILT_IN_LANGUAGES:
        for tone, name in ((Tone.WARM, f"{language}.md"), (Tone.PLAIN, f"{language}.plain.md")):
            source = (FOLDER / template / name).read_text(encoding="utf-8")
            assert check_text(source, pieces(FOLDER, language, tone)) == [], name


@pytest.mark.parametrize("language", BUILT_IN_LANGUAGES)
@pytest.mark.parametrize("template", TEMPLATES)
def test_every_text_is_complete_and_kind_whatever_is_needed(template: str, language: str) -> None:
    contexts = [SAMPLES["usual"], SAMPLES["card"], SAMPLES["authentication"], SAMPLES["nothing known"]]
    for tone in Tone:
        for context in contexts:
            complete(template, context, language, tone)


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_sample_reads_well(sample: str) -> None:
    complete("payment_failed", SAMPLES[sample], "de", Tone.WARM, marks=sample != "placeholders")
    complete("card_expiring", SAMPLES[sample], "fr", Tone.PLAIN, marks=sample != "placeholders")


def complete(template: str, context: MailContext, language: str, tone: Tone, *, marks: bool = True) -> None:
    rendered = render(FOLDER, template, context, locale=language, look=Look(tone=tone))
    words = rendered.subject + "\n" + rendered.preheader + "\n" + rendered.text
    assert rendered.subject
    assert rendered.preheader
    assert "None" not in words
    assert not re.search(r"[\ue000\ue001]|\(\)|,,|  \n| \.\s", words)
    assert not (marks and re.search("[{}]", words))
    assert not UNSPEAKABLE.search(words), UNSPEAKABLE.search(words)
    assert rendered.text.count(context.link) == (0 if template in BUTTONLESS else 1)
    assert f'<html lang="{language}"' in rendered.html
    assert len(rendered.subject) < 300


@pytest.mark.parametrize("language", [one for one in BUILT_IN_LANGUAGES if one != "en"])
def test_every_reason_that_we_give_is_translated_and_none_stays_in_english(language: str) -> None:
    ours = {customer_wording(one) for one in DeclineClass}
    ours |= {customer_wording(DeclineClass.NEEDS_CARD, "expired_card"), "it is past its due date"}
    for reason in ours:
        assert reason_in(FOLDER, language, reason) not in {"", reason}
    context = replace(USUAL, decline_reason="something that nobody translated")
    assert "translated" not in render(FOLDER, "payment_failed", context, locale=language).text


@pytest.mark.parametrize(
    ("locale", "country", "default", "found"),
    [
        ("fr-CA", "US", "en", "fr-CA"),
        ("fr", "CA", "en", "fr-CA"),
        ("en", "IE", "fr", "en-IE"),
        (None, "DE", "en", "de-DE"),
        (None, "AT", "en", "de-AT"),
        (None, "MX", "en", "es-MX"),
        (None, "CH", "de", "de-CH"),
        (None, None, "it", "it"),
        ("auto", None, "en", "en"),
        ("../en", "FR", "en", "fr-FR"),
        ("pt_BR", None, "en", "pt-BR"),
    ],
)
def test_the_locale_is_the_customers_then_their_countrys_then_the_merchants(
    locale: str | None, country: str | None, default: str, found: str
) -> None:
    assert locale_of(locale, country, default) == found


@pytest.mark.parametrize(
    ("wishes", "found"),
    [
        (["pt-BR", "fr-CA", "de"], "fr-CA"),  # the second is spoken, and keeps its region
        (["pt_BR", "nl"], "pt_BR"),  # none is: the first says how money and days are written
        (["de", "fr"], "de"),
        ([], None),
    ],
)
def test_of_several_languages_a_customer_gets_the_first_that_there_is_a_text_in(
    wishes: list[str], found: str | None
) -> None:
    assert first_spoken(wishes, {"fr", "de", "en"}.__contains__) == found


def test_a_customer_is_read_with_all_of_their_languages() -> None:
    read = read_customer({"id": "cus_1", "preferred_locales": ["pt-BR", "fr"]})
    assert (read.locale, read.locales) == ("pt-BR", ("pt-BR", "fr"))


def test_a_language_without_texts_falls_back_to_the_merchants_own_and_then_to_english() -> None:
    assert find(FOLDER, "recovered", "pt-BR", default="es").name == "recovered/es.md"
    assert find(FOLDER, "recovered", "pt-BR", default="pt").name == "recovered/en.md"
    assert find(FOLDER, "recovered", "fr-CA", tone=Tone.PLAIN).name == "recovered/fr.plain.md"


def test_the_merchants_own_text_comes_before_the_built_in_one_of_the_same_language() -> None:
    mine = {"fr": "mine"}
    assert find(FOLDER, "recovered", "fr-CA", own=lambda _, language: mine.get(language)).source == "mine"
    assert find(FOLDER, "recovered", "de", own=lambda _, language: mine.get(language)).source != "mine"


def test_money_and_dates_read_as_in_the_customers_region() -> None:
    context = replace(USUAL, currency="eur", amount=123_456)
    swiss = render(FOLDER, "final_notice", replace(context, currency="chf"), locale="de-CH").text
    assert "CHF\u00a01’234.56" in swiss
    assert "1.234,56\u00a0€" in render(FOLDER, "final_notice", context, locale="de-DE").text
    assert "1\u202f234,56\u00a0€" in render(FOLDER, "final_notice", context, locale="fr-FR").text
    assert "martedì 17 novembre 2026" in render(FOLDER, "final_notice", context, locale="it-IT").text


def test_a_name_written_from_right_to_left_stays_apart_from_its_sentence() -> None:
    rendered = render(FOLDER, "payment_failed", SAMPLES["right to left"], locale="fr")
    assert "\u2068ليلى حداد\u2069" in rendered.text
    assert "<bdi>ليلى حداد</bdi>" in rendered.html
