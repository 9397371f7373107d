"""Text messages: how a number is written, how long a text is, what an answer to it means.

A text travels in segments: of 160 letters of the GSM alphabet, or of 70 UTF-16 units once a single letter is
outside of it; a text of several segments loses a few places in each. Source: 3GPP TS 23.038 and TS 23.040.
"""

import re
import unicodedata
from enum import StrEnum
from typing import Final

GSM: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_TWICE: Final = frozenset("\f^{}\\[~]|€")  # an escape and a letter
MOST_SEGMENTS: Final = 2
_SIMPLER: Final = str.maketrans({
    "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u00ab": '"', "\u00bb": '"', "\u2013": "-",
    "\u2014": "-", "\u2026": "...", "\u00a0": " ", "\u202f": " ", "\u2009": " ", "\t": " ",
})  # fmt: skip
_BETWEEN: Final = re.compile(r"[\s().\-/\u00a0\u202f]")
_E164: Final = re.compile(r"\+[1-9][0-9]{7,14}")
# Source: https://help.twilio.com/articles/223134027-Twilio-support-for-opt-out-keywords-SMS-STOP-filtering-
_STOPS: Final = frozenset(
    "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT ARRET STOPP ALTO BASTA".split()
)
_STARTS: Final = frozenset("START UNSTOP".split())
YES: Final = frozenset({"yes", "true", "1", "on"})


class Answer(StrEnum):
    """What a customer's answer to a text asks for."""

    STOP = "stop"
    START = "start"
    OTHER = "other"


def e164(written: str | None) -> str | None:
    """Return a telephone number as `+` and 8 to 15 digits; None for one without its country's code."""
    bare = _BETWEEN.sub("", written or "")
    bare = f"+{bare[2:]}" if bare.startswith("00") else bare
    return bare if bare.isascii() and _E164.fullmatch(bare) else None


def consents(value: str | None) -> bool:
    """Return whether a value of Stripe's metadata says that the customer agreed to text messages."""
    return (value or "").strip().lower() in YES


def simplified(text: str) -> str:
    """Return a text in the GSM alphabet as far as that changes no word: quotes, dashes, blanks, accents."""
    return "".join(_in_gsm(letter) for letter in text.translate(_SIMPLER))


def segments(text: str) -> int:
    """Return how many segments a text travels in."""
    if all(letter in GSM or letter in GSM_TWICE for letter in text):
        length, one, more = len(text) + sum(letter in GSM_TWICE for letter in text), 160, 153
    else:
        length, one, more = len(text.encode("utf-16-be", "replace")) // 2, 70, 67
    return 1 if length <= one else -(-length // more)


def meaning(answer: str, *, told: str | None = None) -> Answer:
    """Return what an answer asks for; `told` is the provider's own reading of it, where it gives one."""
    word = (told or answer).strip().strip(".!\"'").upper()
    if word in _STOPS:
        return Answer.STOP
    return Answer.START if word in _STARTS else Answer.OTHER


def _in_gsm(letter: str) -> str:
    if letter in GSM or letter in GSM_TWICE or not letter.isalpha():
        return letter
    plain = unicodedata.normalize("NFKD", letter)[0]
    return plain if plain in GSM else letter
