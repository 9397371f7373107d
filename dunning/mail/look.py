"""How a merchant's mail looks and speaks: logo, colour, addresses, tone, language; whether it can be read.

Contrast is WCAG 2.1's (https://www.w3.org/TR/WCAG21/#dfn-contrast-ratio): text needs 4.5 to 1.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Final, Self
from urllib.parse import urlsplit

from dunning.mail.compose import address_of
from dunning.mail.formats import plain

READABLE: Final = 4.5
_PAPER, _NIGHT = "#ffffff", "#1f2937"  # what text stands on, in light and in dark: see mail.css and media.css
_INK = "#0b1220"
_SHOWN = 120


class Tone(StrEnum):
    """How the built-in texts speak."""

    WARM = "warm"
    PLAIN = "plain"


class LookError(ValueError):
    """A look that cannot be used; says what to write instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One version of the merchant's look; what is empty comes from DUNNING_MAIL_FROM or is left out.

    `colour` is `#rrggbb`; `language` is what customers are written to in whose language nobody knows.
    """

    name: str = ""
    support: str = ""
    logo: str = ""
    colour: str = "#1d4ed8"
    from_name: str = ""
    reply_to: str = ""
    tone: Tone = Tone.WARM
    language: str = "en"

    @classmethod
    def loads(cls, said: Mapping[str, Any]) -> Self:
        """Read what a form, a file or `dumps` says.

        Raises:
            LookError: a word is unknown, or a value cannot be used.
        """
        known = [one.name for one in fields(cls)]
        if strange := sorted(set(said) - set(known)):
            raise LookError(f"`{strange[0]}` is not part of the look: it has {', '.join(known)}.")
        values = {name: str(value).strip() for name, value in said.items()}
        for name, check in _CHECKS.items():
            if values.get(name):
                values[name] = check(values[name])
        return cls(**{name: value for name, value in values.items() if value})  # type: ignore[arg-type]  # checked

    def dumps(self) -> dict[str, str]:
        """Return the look, JSON-ready."""
        return {name: str(value) for name, value in asdict(self).items()}

    @property
    def on_colour(self) -> str:
        """Return the colour of the letters on a button: the one of white and ink that reads better."""
        return max((_PAPER, _INK), key=lambda letters: contrast(letters, self.colour))

    @property
    def at_night(self) -> str:
        """Return the colour as it reads on a dark ground: lightened as far as that takes."""
        return readable(self.colour, _NIGHT)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, from 1 to 21."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def readable(colour: str, ground: str) -> str:
    """Return `colour`, moved towards black or white until text in it can be read on `ground`."""
    towards = 0 if _luminance(ground) > 0.2 else 255
    for step in range(101):
        moved = _hex(tuple(round(part + (towards - part) * step / 100) for part in _parts(colour)))
        if contrast(moved, ground) >= READABLE:
            return moved
    return _PAPER if towards else _INK


def _colour(said: str) -> str:
    colour = said.lower()
    if not re.fullmatch(r"#[0-9a-f]{6}", colour):
        raise LookError(f"The colour {said[:20]!r} is none: write six digits, such as #1d4ed8.")
    if contrast(colour, _PAPER) < READABLE:
        raise LookError(
            f"The colour {colour} is too light for a link on white ({contrast(colour, _PAPER):.1f} to 1, and "
            f"{READABLE} is needed): {readable(colour, _PAPER)} is the nearest that can be read."
        )
    return colour


def _logo(said: str) -> str:
    try:
        parts = urlsplit(said)
    except ValueError:
        parts = urlsplit("")  # such as an unfinished IPv6 address
    if parts.scheme != "https" or not parts.hostname or re.search(r"[\s<>\"'\\]", said) or len(said) > 500:
        raise LookError("The logo must be an https address of a picture, without blanks or quotes.")
    return said


def _address(said: str) -> str:
    try:
        return address_of(said) and said
    except ValueError as error:
        raise LookError(f"The reply-to address cannot be used: {error}.") from None


def _words(said: str) -> str:
    if plain(said) != said or len(said) > _SHOWN or "@" in said or '"' in said:
        raise LookError(f"A name is one line of at most {_SHOWN} characters without @ and quotes.")
    return said


def _support(said: str) -> str:
    if plain(said) != said or len(said) > _SHOWN:
        raise LookError(f"The support address is one line of at most {_SHOWN} characters.")
    return said


def _tone(said: str) -> str:
    if said not in list(Tone):
        raise LookError(f"The tone is {' or '.join(Tone)}.")
    return Tone(said)


def _language(said: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Z][A-Za-z0-9]{1,3})?", said):
        raise LookError("The language is a tag such as fr or pt-BR.")
    return said


_CHECKS: Final = {
    "name": _words, "from_name": _words, "support": _support, "logo": _logo, "colour": _colour,
    "reply_to": _address, "tone": _tone, "language": _language,
}  # fmt: skip


def _parts(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))


def _hex(parts: tuple[int, ...]) -> str:
    return "#" + "".join(f"{part:02x}" for part in parts)


def _luminance(colour: str) -> float:
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (part / 255 for part in _parts(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
