"""Passwords that are tried first are refused; sentences and random ones are not."""

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.core.guessable import guessable
from dunning.core.people import password_refusal

TRIED_FIRST = (
    *(
        "password1234",
        "P@ssw0rd12345",
        "passwordpassword",
        "1q2w3e4r5t6y7u",
        "qwertyuiop123",
        "iloveyou1234!",
    ),
    *(
        "monkeydragonmaster",
        "aaaabbbbcccc",
        "letmeinletmein",
        "Summer2026Summer",
        "qazwsxedcrfv",
        "zaq12wsxcde3",
    ),
    *("123456789012", "987654321098", "121212121212", "000000000000", "2580 2580 2580", "welcome123456!!"),
)
OF_THE_HOUSE = (
    "dunning-dunning",
    "juniperjuniper",
    "Juniper Coffee 2026",
    "JuniperStripe2026",
    "billing@juniper",
)
USED = (
    *(
        "a sentence that is easy to remember",
        "correct horse battery staple",
        "h7Kq-29sd-Lp3x",
        "9f8a7c6b5d4e3f2a",
    ),
    *("842917365028461", "grüne Wiesen im Mai 3", "пароль из многих слов", "tr0ub4dor and three moons"),
)


@pytest.mark.parametrize("password", TRIED_FIRST)
def test_what_is_tried_first_is_refused_however_it_is_lengthened(password: str) -> None:
    assert guessable(password)
    assert password_refusal(password, "ana@x.example") is not None


@pytest.mark.parametrize("password", OF_THE_HOUSE)
def test_the_houses_own_names_are_no_password(password: str) -> None:
    assert password_refusal(password, "billing@juniper.example", "Juniper Coffee") is not None


@pytest.mark.parametrize("password", USED)
def test_a_sentence_and_what_was_drawn_at_random_are_taken(password: str) -> None:
    assert password_refusal(password, "ana@juniper.example", "Juniper Coffee") is None


@given(st.text(max_size=200))
def test_no_text_makes_it_stumble(password: str) -> None:
    assert guessable(password, password) in {True, False}


def test_what_a_password_program_draws_is_taken() -> None:
    dice = random.Random(7)
    for _ in range(2000):
        assert not guessable(base64.b64encode(dice.randbytes(12)).decode(), "ana@juniper.example")
        assert not guessable(dice.randbytes(8).hex(), "ana@juniper.example")
