"""The words of one message, before they are put under headers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to be composed; the same facts and template always give the same one."""

    subject: str
    preheader: str
    text: str
    html: str
