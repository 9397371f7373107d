"""How a value reads in a customer's language: money, dates, and text made harmless."""

import re
import unicodedata
from copy import copy
from dataclasses import dataclass
from datetime import date

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import NumberPattern

from dunning.core.money import Money, exponent

MAX_VALUE = 500
# CLDR puts a no-break space between a currency's letters and the digits; Babel leaves it out (KWD12.345)
_TOUCHING = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")
_WIDTHS = frozenset({"short", "medium", "long", "full"})
# Cc, line and paragraph separators, surrogates; and the marks that turn the direction of text or hide in it
_UNWANTED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ue000\ue001\ufeff]"
)


class Link(str):
    """An address that a text may link to; anything else that a text shows stays plain text."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Formats:
    """The ways of writing of one locale."""

    locale: Locale

    def show(self, value: object, *, width: str = "long") -> str:
        """Return any value as one line of at most 500 characters; never fails, None is empty."""
        if value is None:
            return ""
        if isinstance(value, Money):
            return money(value, self.locale)
        if isinstance(value, date):
            return format_date(value, format=width if width in _WIDTHS else "long", locale=self.locale)
        return str(value) if isinstance(value, Link) else plain(str(value))


def formats_for(locale: str) -> Formats:
    """Return the ways of writing of a language tag (`fr-CA`); English when Babel does not know it."""
    try:
        return Formats(Locale.parse(locale.replace("-", "_")))
    except (UnknownLocaleError, ValueError):
        return Formats(Locale("en"))


def money(value: Money, locale: Locale) -> str:
    """Write an amount in minor units, with as many decimals as Stripe's table gives the currency.

    CLDR's decimals are not used: they differ from the ones in which Stripe counts (ISK, HUF, UGX...).
    """
    digits = exponent(value.currency)
    pattern: NumberPattern = copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    shown = str(
        pattern.apply(value.decimal(), locale, currency=value.currency.upper(), currency_digits=False)
    )
    return _TOUCHING.sub("\u00a0", shown)


def plain(text: str, *, most: int = MAX_VALUE) -> str:
    """Return `text` as one line: no line breaks, controls or direction marks, at most `most` characters."""
    line = " ".join(_UNWANTED.sub(" ", text).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def reads_right_to_left(text: str) -> bool:
    """Tell whether a value needs to be set apart so that it does not reorder its sentence."""
    return any(unicodedata.bidirectional(letter) in {"R", "AL", "AN"} for letter in text)
