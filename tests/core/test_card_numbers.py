"""What people type is searched for card numbers, and for nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.core.card_numbers import has_card_number


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242",
        "She read me 4242 4242 4242 4242, exp 03/28",
        "5555-5555-5555-4444.",
        "amex 3782 822463 10005",
        "378282246310005",
        "2223003122003222",
        "6011 1111 1111 1117",
        "card:6200000000000005!",
    ],
)
def test_the_number_of_a_card_is_found_as_people_write_it(text: str) -> None:
    assert has_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242 4242 4242 4241",  # its last digit does not fit
        "the card ending in 4242",
        "Call +49 1512 3456789, or +44 20 7946 0958",
        "in_1PqR424242424242424200, cus_4242",
        "IBAN DE89 3704 0044 0532 0130 00",
        "42424242424242424242424242424242",
        "EUR 4.242.424.242.424.242",
        "invoice 2026-0000-1234-5678",
    ],
)
def test_other_numbers_are_left_alone(text: str) -> None:
    assert not has_card_number(text)


@given(st.text())
def test_no_text_makes_it_stumble(text: str) -> None:
    assert has_card_number(text) in {True, False}
