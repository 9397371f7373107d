"""The words of a text message: a short template behind the same fence as mail, bounded to two segments."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Final

from dunning.core.texting import MOST_SEGMENTS, segments, simplified
from dunning.mail.context import MailContext
from dunning.mail.formats import formats_for, plain
from dunning.mail.render import Rendered
from dunning.mail.template import CLOSE, OPEN, Problem, TextError, check, fill

VARIABLES: Final = frozenset({
    "merchant.name", "customer.name", "amount", "failed_on", "link", "next_retry_on", "final_on", "needs",
    "room",
})  # fmt: skip
_MARK: Final = re.compile(f"{OPEN}([0-9]+){CLOSE}")


@dataclass(frozen=True, slots=True)
class Fit:
    """How much a text says: of the merchant's name, the customer's, the link, and where else to look."""

    merchant: int
    customer: bool
    link: bool
    room: bool


# What gives way, in this order, where a text would be too long: an alphabet of its own takes twice the place.
FITS: Final = (
    Fit(40, customer=True, link=True, room=True),
    Fit(24, customer=False, link=True, room=True),
    Fit(12, customer=False, link=True, room=True),
    Fit(24, customer=False, link=False, room=True),
    Fit(24, customer=False, link=False, room=False),
)


def render_text(
    template_dir: Path, template: str, context: MailContext, *, locale: str, details: bool
) -> Rendered:
    """Return the text of a message for one customer; subject and HTML are empty.

    Without `details` it holds neither a link nor the customer's name: a number may have got another owner.
    The text is taken in the nearest language that exists (`fr-CA`, `fr`, then `en`).

    Raises:
        LookupError: there is no such template.
        TextError: the template has a problem; its lines are named.
        ValueError: it is longer than two segments, whatever is left out.
    """
    source, spoken = _find(template_dir, template, locale)
    for fit in FITS:
        values = _values(context, fit, details=details)
        filled = fill(source, values, VARIABLES, formats_for(spoken))
        shown = [value.text for value in filled.values]
        text = _MARK.sub(lambda mark, shown=shown: shown[int(mark[1])], filled.text)  # type: ignore[misc]
        text = " ".join(simplified(text).split())
        if segments(text) <= MOST_SEGMENTS:
            return Rendered(subject="", preheader="", text=text, html="")
    raise ValueError(f"{template}: the text is longer than {MOST_SEGMENTS} segments")


def check_source(source: str) -> list[Problem]:
    """Say what is wrong with the template of a text message, line by line."""
    return check(source, VARIABLES)


def _values(context: MailContext, fit: Fit, *, details: bool) -> Mapping[str, object]:
    known = context.values()
    return {
        **{name: known[name] for name in ("amount", "failed_on", "next_retry_on", "final_on", "needs")},
        "merchant": SimpleNamespace(name=plain(context.merchant_name, most=fit.merchant)),
        "customer": known["customer"] if details and fit.customer else SimpleNamespace(name=""),
        "link": known["link"] if details and fit.link else "",
        "room": fit.room,
    }


def _find(template_dir: Path, template: str, locale: str) -> tuple[str, str]:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", template):
        raise LookupError(f"{template!r} is not the name of a message template")
    for candidate in _candidates(locale):
        path = template_dir / template / f"{candidate}.txt"
        if path.is_file():
            source = path.read_text(encoding="utf-8")
            problems = check_source(source)
            if problems:
                raise TextError(f"{template}/{candidate}.txt", problems)
            return source, candidate if candidate == "en" else locale.replace("_", "-")
    raise LookupError(f"there is no text message {template!r} in English in {template_dir}")


def _candidates(locale: str) -> Iterator[str]:
    spoken = locale.replace("_", "-")
    yield from (one for one in (spoken, spoken.split("-")[0].lower()) if re.fullmatch(r"[A-Za-z0-9-]+", one))
    yield "en"
