"""What is visible of a failure, and the levels at which lessons are pooled, from everything to one corner.

What is learned at a level corrects what the levels before it said, and is drawn to "no correction" the less
history it has: a thin segment leans on the wider ones.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dunning.timing import prior

LEVELS: Final = ("all", "family", "code", "segment", "country", "currency", "brand", "band", "cell")
COARSE: Final = ("all", "family", "segment", "country", "brand", "cell")  # for hours and days


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one card's failure; hashable, so that what follows from them can be kept."""

    family: str
    code: str
    funding: str
    brand: str
    country: str
    currency: str
    band: int  # of the amount: each is four times the one below

    @property
    def segment(self) -> str:
        """Return the decline family and funding, the corner that most words speak of."""
        return f"{self.family}/{self.funding}"

    def keys(self, levels: tuple[str, ...] = LEVELS) -> tuple[str, ...]:
        """Return the name of this failure's place at each level."""
        return _keys(self, levels)


@lru_cache(maxsize=8192)
def _keys(marks: Marks, levels: tuple[str, ...]) -> tuple[str, ...]:
    names = {
        "all": "",
        "family": marks.family,
        "code": f"{marks.family}/{marks.code}",
        "segment": marks.segment,
        "country": marks.country,
        "currency": marks.currency,
        "brand": marks.brand,
        "band": f"{marks.currency}/{marks.band}",
        "cell": f"{marks.family}/{marks.funding}/{marks.country}/{marks.brand}",
    }
    return tuple(f"{level}:{names[level]}" for level in levels)


def marks(
    family: str,
    code: str | None,
    *,
    funding: str | None,
    brand: str | None,
    country: str | None,
    currency: str | None,
    amount: int,
) -> Marks:
    """Return the marks of a failure; what is not known is a mark too."""
    return Marks(
        family=family,
        code=code or "none",
        funding=prior.funding_of(funding),
        brand=(brand or "unknown").lower(),
        country=(country or "").upper(),
        currency=(currency or "").lower(),
        band=max(0, int(amount)).bit_length() // 2,
    )
