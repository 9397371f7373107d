"""Numbers, lengths and answers of text messages."""

import pytest

from dunning.core.texting import Answer, consents, e164, meaning, segments, simplified


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+44 7700 900123", "+447700900123"),
        ("0044 (7700) 900-123", "+447700900123"),
        ("+1.415.867.5310", "+14158675310"),
        ("07700 900123", None),
        ("+0 7700 900123", None),
        ("+44 123", None),
        ("+4477009001234567", None),
        ("+44 7700 9OO123", None),
        ("+٤٤٧٧٠٠٩٠٠١٢٣", None),
        ("", None),
        (None, None),
    ],
)
def test_a_number_is_one_only_with_its_countrys_code(written: str | None, number: str | None) -> None:
    assert e164(written) == number


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 1), ("x" * 160, 1), ("x" * 161, 2), ("x" * 306, 2), ("x" * 307, 3), ("€" * 80, 1), ("€" * 81, 2),
        ("ж" * 70, 1), ("ж" * 71, 2), ("ж" * 134, 2), ("ж" * 135, 3), ("😀" * 35, 1), ("😀" * 36, 2),
    ],
)  # fmt: skip
def test_segments_are_counted_as_the_networks_count(text: str, count: int) -> None:
    assert segments(text) == count


def test_what_changes_no_word_is_written_in_the_gsm_alphabet() -> None:
    assert simplified("l’été — «reçu»\u00a0…") == 'l\'été - "recu" ...'
    assert simplified("山田 ليلى") == "山田 ليلى"


@pytest.mark.parametrize(
    ("answer", "told", "meant"),
    [
        ("STOP", None, Answer.STOP),
        (" stop. ", None, Answer.STOP),
        ("Unsubscribe", None, Answer.STOP),
        ("start", None, Answer.START),
        ("please stop by tomorrow", None, Answer.OTHER),
        ("yes", None, Answer.OTHER),
        ("leave me alone", "STOP", Answer.STOP),
        ("x", "HELP", Answer.OTHER),
    ],
)
def test_an_answer_is_understood(answer: str, told: str | None, meant: Answer) -> None:
    assert meaning(answer, told=told) is meant


def test_consent_is_said_and_never_assumed() -> None:
    assert all(map(consents, ("yes", " TRUE ", "1", "on")))
    assert not any(map(consents, (None, "", "no", "false", "0", "maybe")))
