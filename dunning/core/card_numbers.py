"""Card numbers in what people type: they must not be kept, so what holds one is refused.

Source: PCI DSS 4.0.1 §3.3 and §3.5; ISO/IEC 7812-1 for the check digit.
"""

import re
from typing import Final

# Visa, Mastercard, American Express, Discover and UnionPay, as they are printed: in groups, or in one.
_LOOKS_LIKE_ONE: Final = re.compile(
    r"(?<![\d.,])(?:4\d{3}|5[1-5]\d{2}|2[2-7]\d{2}|6\d{3})(?:[ -]?\d{4}){3}(?!\d)"
    r"|(?<![\d.,])3[47]\d{2}[ -]?\d{6}[ -]?\d{5}(?!\d)",
    re.ASCII,
)
REFUSED: Final = "That holds a card number, which must not be kept here: leave it out."


def has_card_number(text: str) -> bool:
    """Return whether a text holds what is, by its beginning, length and check digit, the number of a card."""
    return any(_checks(re.sub(r"\D", "", found[0])) for found in _LOOKS_LIKE_ONE.finditer(text))


def _checks(digits: str) -> bool:
    """Return whether the last digit fits the others (Luhn)."""
    every_second_twice = (int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits)))
    return sum(number - 9 if number > 9 else number for number in every_second_twice) % 10 == 0
