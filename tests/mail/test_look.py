"""The merchant's look: whatever colour is chosen, a mail can be read, by day and by night."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.mail.look import READABLE, Look, LookError, Tone, contrast, readable
from dunning.mail.render import render
from dunning.mail.samples import SAMPLES

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")
NIGHT, PAPER = "#1f2937", "#ffffff"


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
    assert contrast("#1d4ed8", "#1d4ed8") == 1


@given(colour=COLOURS)
def test_every_colour_becomes_readable_on_paper_and_at_night(colour: str) -> None:
    for ground in (PAPER, NIGHT):
        assert contrast(readable(colour, ground), ground) >= READABLE


@given(colour=COLOURS)
def test_a_colour_is_taken_as_it_is_or_refused_with_the_nearest_that_can_be_read(colour: str) -> None:
    try:
        look = Look.loads({"colour": colour})
    except LookError as error:
        found = re.search(r"(#[0-9a-f]{6}) is the nearest", str(error))
        assert found
        look = Look.loads({"colour": found[1]})
    assert contrast(look.colour, PAPER) >= READABLE
    assert contrast(look.on_colour, look.colour) >= READABLE
    assert contrast(look.at_night, NIGHT) >= READABLE


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        ({"colour": "red"}, "six digits"),
        ({"colour": "#1d4ed8; } body {"}, "six digits"),
        ({"logo": "http://x.test/logo.png"}, "https"),
        ({"logo": 'https://x.test/" onerror="alert(1)'}, "https"),
        ({"logo": "javascript:alert(1)"}, "https"),
        ({"reply_to": "a@b.test, c@d.test"}, "exactly one"),
        ({"reply_to": "a@b.test\nBcc: c@d.test"}, "line break"),
        ({"from_name": "Eve <eve@evil.test>"}, "without @"),
        ({"name": "x" * 121}, "at most 120"),
        ({"tone": "angry"}, "warm or plain"),
        ({"language": "../en"}, "a tag such as fr"),
        ({"size": "big"}, "not part of the look"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_cure(said: dict[str, str], cure: str) -> None:
    with pytest.raises(LookError, match=cure):
        Look.loads(said)


def test_a_look_reads_back_what_it_wrote_and_empty_parts_are_taken_back() -> None:
    look = Look.loads(
        {"name": "Acme", "tone": "plain", "logo": "https://x.test/l.png", "reply_to": "a@b.test"}
    )
    assert Look.loads(look.dumps()) == look
    assert look.tone is Tone.PLAIN
    assert Look.loads({**look.dumps(), "logo": "", "tone": ""}) == Look.loads(
        {"name": "Acme", "reply_to": "a@b.test"}
    )


def test_a_mail_wears_the_look(template_dir: Path) -> None:
    look = Look.loads({"name": "Acme & Co", "logo": "https://x.test/l.png?a=1&b=2", "colour": "#0b6b4f"})
    page = render(template_dir, "payment_failed", SAMPLES["usual"], locale="en", look=look).html
    assert 'src="https://x.test/l.png?a=1&amp;b=2"' in page
    assert 'alt="Acme &amp; Co"' in page
    assert "background-color: #0b6b4f" in page
    assert look.at_night in page
    assert "#1d4ed8" not in page
