"""The languages that customers read: which one somebody gets, its words, its money and its dates.

A catalogue is a gettext file (`templates/words/fr.po`) whose keys are the English words; what it lacks is
shown in English. It is read as it is: there is nothing to compile.
"""

import gettext
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from dunning.core.money import Money
from dunning.mail.formats import Formats, formats_for

LANGUAGES: Final = {"en": "English", "fr": "Français", "it": "Italiano", "de": "Deutsch", "es": "Español"}
DEFAULT: Final = "en"
STAFF: Final = "staff"  # their catalogues, in a folder of their own
MOST_WISHES: Final = 20
COOKIE: Final = "tongue"  # of who has no account: the visitor of a demo
_WISH: Final = re.compile(
    r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{1,3})?)\s*)?"
)


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language, written as one region writes it."""

    language: str
    words: gettext.NullTranslations
    formats: Formats

    def t(self, text: str, **values: object) -> str:
        """Return the words for an English text, with `%(name)s` replaced by the values."""
        said = self.words.gettext(text) if text else ""  # for "" gettext has the catalogue's own header
        return said % values if values else said

    def money(self, amount: int, currency: str) -> str:
        """Return minor units of a currency as the region writes them."""
        return self.formats.show(Money(amount, currency))

    def day(self, day: date) -> str:
        """Return a day as the region writes it."""
        return self.formats.show(day)


def tongue(folder: Path, *wishes: str | None) -> Tongue:
    """Return the language of the first wish (a language tag) that we speak, else English."""
    for wish in wishes:
        language = _language(wish or "")
        if language in LANGUAGES:
            region = (wish or "").replace("_", "-")
            return Tongue(language, _catalogue(folder, language), formats_for(region))
    return Tongue(DEFAULT, _catalogue(folder, DEFAULT), formats_for(DEFAULT))


def staff_tongue(folder: Path, chosen: str | None, accept_language: str) -> Tongue:
    """Return the language of a staff page: the person's own choice, else what their browser asks for.

    English is written in one way, whatever the region.
    """
    found = tongue(folder / STAFF, chosen, *wished(accept_language))
    return found if found.language != DEFAULT else tongue(folder / STAFF)


def wished(accept_language: str) -> list[str]:
    """Return the language tags of an Accept-Language header, the most wanted first; nonsense is left out."""
    found = [_WISH.fullmatch(part) for part in accept_language.split(",")[:MOST_WISHES]]
    weighed = [(float(one[2] or 1), one[1]) for one in found if one is not None]
    return [tag for weight, tag in sorted(weighed, key=lambda pair: -pair[0]) if weight > 0]


def switches(path: str, chosen: str) -> Iterable[tuple[str, str, str, bool]]:
    """Yield the links of a language switch: tag, name, address, and whether it is the chosen one."""
    for tag, name in LANGUAGES.items():
        yield tag, name, f"{path}?lang={tag}", tag == chosen


def _language(tag: str) -> str:
    return re.split("[-_]", tag)[0].lower()


@cache
def _catalogue(folder: Path, language: str) -> gettext.NullTranslations:
    path = folder / f"{language}.po"
    if not path.is_file():
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
