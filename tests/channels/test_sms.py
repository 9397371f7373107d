"""Text messages: short, in the customer's language, and without a word that a stranger should not read."""

from dataclasses import replace

import pytest

from dunning.channels.sms import check_source, render_text
from dunning.core.texting import MOST_SEGMENTS, segments
from dunning.mail.samples import SAMPLES
from dunning.mail.template import TextError
from dunning.resources import templates

FOLDER = templates() / "sms"
NAMES = sorted(path.name for path in FOLDER.iterdir())
LANGUAGES = ("en", "fr", "it", "de", "es")
USUAL = SAMPLES["usual"]


def text(name: str, locale: str, context: object = USUAL, *, details: bool = False) -> str:
    return render_text(FOLDER, name, context, locale=locale, details=details).text  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_every_text_fits_into_two_segments_in_every_language_for_every_sample(name: str) -> None:
    assert {path.stem for path in (FOLDER / name).iterdir()} == set(LANGUAGES)
    for locale in (*LANGUAGES, "fr-CA", "de-CH"):
        for context in SAMPLES.values():
            for details in (False, True):
                written = text(name, locale, context, details=details)
                assert 1 <= segments(written) <= MOST_SEGMENTS, (locale, written)
                assert "STOP" in written


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("locale", LANGUAGES)
def test_a_number_that_got_another_owner_learns_no_name_and_opens_no_link(name: str, locale: str) -> None:
    written = text(name, locale)
    assert "Juniper Coffee" in written
    for secret in ("Ana", "Ferreira", "http", "JUN-2041", "Studio", "4242", "pay."):
        assert secret not in written


def test_the_merchant_may_ask_for_the_name_and_the_link() -> None:
    written = text("payment_failed", "en", details=True)
    assert "Hello Ana Ferreira." in written
    assert USUAL.link in written


def test_an_own_alphabet_takes_twice_the_place_and_what_matters_stays() -> None:
    written = text("payment_failed", "de", SAMPLES["right to left"], details=True)
    assert "قهوة العرعر" in written
    assert "49,00" in written
    assert "STOP" in written


@pytest.mark.parametrize(
    "name", ["x" * 500, "A\r\nBcc: b@example.com", "{{ 7 * 7 }}", "\u202eevil", "😀" * 200, "<b>x</b>"]
)
def test_a_hostile_name_stays_inert_and_short(name: str) -> None:
    context = replace(USUAL, merchant_name=name, customer_name=name)
    written = text("payment_failed", "en", context, details=True)
    assert segments(written) <= MOST_SEGMENTS
    assert not any(letter in written for letter in "\r\n\u202e")
    assert "49.00" in written


@pytest.mark.parametrize("template", ["../secret", "no_such", "Payment", "a/b"])
def test_a_template_that_is_none_is_refused(template: str) -> None:
    with pytest.raises(LookupError):
        text(template, "en")


def test_the_fence_of_mails_stands_around_texts_too() -> None:
    assert check_source("{{ merchant.name }} {{ amount }}") == []
    for source in (
        "{% for a in b %}{% endfor %}",
        "{{ card.last4 }}",
        "{{ plan }}",
        "{{ merchant.__class__ }}",
    ):
        assert check_source(source) != []


def test_a_broken_template_names_its_line(tmp_path: object) -> None:
    folder = tmp_path / "broken"  # type: ignore[operator]
    folder.mkdir()
    (folder / "en.txt").write_text("ok\n{{ secret }}\n", encoding="utf-8")
    with pytest.raises(TextError, match="line 2"):
        render_text(folder.parent, "broken", USUAL, locale="en", details=False)
