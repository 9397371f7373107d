"""Where the text of a message is found: the merchant's own, or the built-in one, in the nearest language.

A built-in text lies in `<template>/<language>.md`, in the plain tone in `<language>.plain.md`. What many
texts share (the greeting, the facts, the way to get help) are pieces, in `_base/<language>/`, that a text
includes.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from dunning.mail.look import Tone

BUILT_IN_LANGUAGES: Final = ("en", "fr", "it", "de", "es")
PIECES: Final = ("action", "ahead", "facts", "greeting", "help", "why")
# Who is written to in what, when the customer has said nothing: countries with one language among ours.
_SPOKEN: Final = {
    "fr": "FR MC SN CI GA",
    "it": "IT SM VA",
    "de": "DE AT LI",
    "es": "ES MX AR CL CO PE UY PY BO EC VE CR PA GT HN SV NI DO CU",
    "en": "GB IE US AU NZ SG",
}
_LANGUAGE_OF: Final = {country: language for language, all_ in _SPOKEN.items() for country in all_.split()}

Own = Callable[[str, str], str | None]  # template and language: the merchant's own text


@dataclass(frozen=True, slots=True)
class FoundText:
    """The source of one text; `locale` is how its values are written."""

    source: str
    name: str
    locale: str

    @property
    def language(self) -> str:
        """Return the language without its region."""
        return language_of(self.locale)


def language_of(locale: str) -> str:
    """Return `fr` of `fr-CA`."""
    return re.split("[-_]", locale)[0].lower()


def locale_of(locale: str | None, country: str | None, default: str) -> str:
    """Return the locale of a customer: their language, else their country's, else the merchant's default.

    A language that names no region is written as in the customer's country: `en` in Ireland is `en-IE`.
    """
    given = (locale or "").replace("_", "-")
    land = (country or "").upper()
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", given) or given.lower() == "auto":
        given = _LANGUAGE_OF.get(land, default)
    return f"{given}-{land}" if "-" not in given and re.fullmatch("[A-Z]{2}", land) else given


def first_spoken(wishes: Iterable[str], spoken: Callable[[str], bool]) -> str | None:
    """Return the first of a customer's languages that a text is `spoken` in, else the first of all."""
    wished = list(wishes)
    there = (wish for wish in wished if spoken(wish.replace("_", "-")) or spoken(language_of(wish)))
    return next(there, wished[0] if wished else None)


def find(
    folder: Path,
    template: str,
    locale: str,
    *,
    default: str = "en",
    tone: Tone = Tone.WARM,
    own: Own | None = None,
) -> FoundText:
    """Return the text in the nearest language: the locale, its language, the default, English.

    In each, the merchant's own comes first, then the built-in one in the tone, then the warm one.

    Raises:
        LookupError: there is no such template.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,60}", template):
        raise LookupError(f"{template!r} is not the name of a message template")
    for language in _chain(locale, default):
        found = own(template, language) if own else None
        if found is not None:
            return FoundText(found, f"your {template} in {language}", _written_as(language, locale))
        for name in (f"{language}.plain.md", f"{language}.md")[tone is Tone.WARM :]:
            path = folder / template / name
            if path.is_file():
                source = path.read_text(encoding="utf-8")
                return FoundText(source, f"{template}/{name}", _written_as(language, locale))
    raise LookupError(f"there is no message template {template!r} in English in {folder}")


def names(folder: Path) -> list[str]:
    """Return the names of the built-in templates."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("_"))


@lru_cache(maxsize=64)
def pieces(folder: Path, language: str, tone: Tone) -> tuple[tuple[str, str], ...]:
    """Return the pieces of a language, by name; in English where it has none."""
    home = folder / "_base" / language
    if not re.fullmatch(r"[a-z]{2,3}", language) or not home.is_dir():
        home = folder / "_base" / "en"
    found = []
    for name in PIECES:
        path = home / f"{name}.plain.md"
        path = path if tone is Tone.PLAIN and path.is_file() else home / f"{name}.md"
        found.append((name, path.read_text(encoding="utf-8")))
    return tuple(found)


def reason_in(folder: Path, language: str, reason: str) -> str:
    """Return our English clause for a decline in another language; nothing where nobody translated it."""
    if language == "en":
        return reason
    return _reasons(folder).get(language, {}).get(reason, "")


@lru_cache(maxsize=8)
def _reasons(folder: Path) -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads((folder / "_base" / "reasons.toml").read_text(encoding="utf-8"))


def _chain(locale: str, default: str) -> Iterator[str]:
    wanted = (locale.replace("_", "-"), language_of(locale), default, language_of(default), "en")
    return (one for one in dict.fromkeys(wanted) if re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]+)*", one))


def _written_as(language: str, locale: str) -> str:
    """Return how values read in a text of `language`: as in the customer's region, if that is theirs."""
    return locale.replace("_", "-") if language_of(language) == language_of(locale) else language
