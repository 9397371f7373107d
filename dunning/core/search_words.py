"""What a search compares: words in lower case without accents, so that `zoe` finds Zoë."""

import unicodedata
from collections.abc import Iterable
from typing import Final

LONGEST: Final = 64
MOST: Final = 16  # words of one recovery


def normalised(text: str) -> str:
    """Return text in lower case, without accents, and with what looks alike spelt alike."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(mark for mark in parts if not unicodedata.combining(mark))


def words_of(texts: Iterable[str | None]) -> frozenset[str]:
    """Return the words that texts are found by: each as a whole, and each of its words."""
    found: dict[str, None] = {}
    for text in filter(None, texts):
        whole = normalised(text).split()
        found |= dict.fromkeys(word[:LONGEST] for word in whole)
    return frozenset(list(found)[:MOST])
