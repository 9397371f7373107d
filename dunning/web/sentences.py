"""Sentences that the core composed in English, said again in the language of who looks.

Rows, answers of the API and logs hold whole English sentences, figures and names included. Pages read them
back by their shape: a catalogue (`templates/words/sentences/fr.po`) has each with its holes, such as
`Snoozed until %(until)s: %(why)s`. A hole whose name begins with `n_` takes a number only. What stands in a
hole is said again, too, where it is known; what is not known stays as it is, marked as English.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po
from markupsafe import Markup, escape

from dunning.web.tongues import DEFAULT, STAFF

FOLDER: Final = "sentences"
KEPT: Final = 4096
ENGLISH: Final = Markup('<span lang="en">{}</span>')
_HOLE: Final = re.compile(r"%\((\w+)\)s")
_END: Final = re.compile(r"(?<=[.!?])\s+")
_NUMBER: Final = r"\d[\d.,]*"
_WORDS: Final = r".+?"


@dataclass(frozen=True, slots=True)
class Shape:
    """A sentence with holes: how it is known, and what is said for it."""

    read: re.Pattern[str]
    needle: str  # its longest words; a sentence without them is not looked at closer
    said: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of what is said; `known` is whether it is in the language that was asked for."""

    text: str
    known: bool


@dataclass(frozen=True)
class Speaker:
    """One language's sentences."""

    whole: Mapping[str, str]
    shapes: tuple[Shape, ...]

    def pieces(self, text: str) -> Iterator[Piece]:
        """Yield what to say for an English text, sentence by sentence."""
        said = self.sentence(text)
        parts = [] if said is not None else _END.split(text)
        if len(parts) < 2:
            yield Piece(text if said is None else said, said is not None)
            return
        for part in parts:
            yield from self.pieces(part)

    def sentence(self, text: str) -> str | None:
        """Return what to say for one English sentence, or None where it is not known."""
        if text in self.whole or not any(map(str.isalpha, text)):
            return self.whole.get(text, text)
        for shape in self.shapes:
            found = shape.read.fullmatch(text) if shape.needle in text else None
            if found is not None:
                return shape.said % {name: self.plain(value) for name, value in found.groupdict().items()}
        return None

    def plain(self, text: str) -> str:
        """Return what to say for an English text, as far as it is known."""
        return " ".join(piece.text for piece in self.pieces(text))


@cache
def speaker(words: Path, language: str) -> Speaker:
    """Return a language's sentences, of the catalogues below `words`, the staff's own texts included."""
    told = _catalogue(words / STAFF, language) | _catalogue(words / FOLDER, language)
    shapes = [
        _shape(text, said) for text, said in _catalogue(words / FOLDER, language).items() if "%(" in text
    ]
    shapes.sort(key=lambda shape: -len(shape.read.pattern))
    return Speaker({text: said for text, said in told.items() if "%(" not in text}, tuple(shapes))


@lru_cache(KEPT)
def pieces(words: Path, language: str, text: str) -> tuple[Piece, ...]:
    """Return what to say for an English text."""
    if language == DEFAULT:
        return (Piece(text, known=True),)
    return tuple(speaker(words, language).pieces(text))


def html(words: Path, language: str, text: str) -> Markup:
    """Return what to say for an English text; what stays English is marked so."""
    said = pieces(words, language, str(text))
    return Markup(" ").join(escape(one.text) if one.known else ENGLISH.format(one.text) for one in said)


def plain(words: Path, language: str, text: str) -> str:
    """Return the same without marks, for a tooltip."""
    return " ".join(one.text for one in pieces(words, language, str(text)))


def _catalogue(folder: Path, language: str) -> dict[str, str]:
    with (folder / f"{language}.po").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file) if one.id and one.string}


def _shape(text: str, said: str) -> Shape:
    literal = [part.replace("%%", "%") for part in _HOLE.split(text)[::2]]
    holes = [f"(?P<{name}>{_NUMBER if name.startswith('n_') else _WORDS})" for name in _HOLE.findall(text)]
    read = "".join(re.escape(part) + hole for part, hole in zip(literal, [*holes, ""], strict=True))
    return Shape(re.compile(read, re.DOTALL), max(literal, key=len), said)
