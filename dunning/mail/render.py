"""One message, from a template folder and the facts to subject, text and HTML."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from dunning.mail.context import VARIABLES, MailContext
from dunning.mail.formats import formats_for, plain
from dunning.mail.markdown import as_html, as_text, parse, put_values, value_as_text
from dunning.mail.samples import SAMPLES
from dunning.mail.template import MAX_OUTPUT, Filled, Problem, TextError, fill

__all__ = ["MailContext", "Rendered", "check_text", "render"]

HEADS = ("subject", "preheader", "why")
_HEAD = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


@dataclass(frozen=True, slots=True)
class Rendered:
    """A message ready to be composed; the same facts and template always give the same one."""

    subject: str
    preheader: str
    text: str
    html: str


@dataclass(frozen=True, slots=True)
class _Text:
    source: str
    name: str
    locale: str


def render(template_dir: Path, template: str, context: MailContext, *, locale: str) -> Rendered:
    """Render `template` for one customer.

    The text is taken in the nearest language that exists (`fr-CA`, `fr`, then `en`), and money and dates are
    written as that language writes them, in the customer's own region when it is the same language.

    Raises:
        LookupError: if there is no such template.
        TextError: if the text has a problem; its lines are named.
        ValueError: if the link is no web address, or the message is too long.
    """
    text = _find(template_dir, template, locale)
    try:
        filled = fill(text.source, context.values(), VARIABLES, formats_for(text.locale))
        shown, body = _split(filled)
    except TextError as error:
        raise TextError(text.name, error.problems) from None
    tokens = parse(filled, body)
    page = _layout(template_dir).render(
        lang=text.locale,
        direction="rtl" if _language(text.locale) in _RIGHT_TO_LEFT else "ltr",
        body=Markup(as_html(filled, tokens)),  # noqa: S704 -- markdown-it without HTML, values escaped
        merchant=context.values()["merchant"],
        **shown,
    )
    page = _INLINER.inline(page)
    if len(page) > MAX_OUTPUT:
        raise ValueError(f"{text.name}: the message is longer than {MAX_OUTPUT // 1024} KB")
    return Rendered(
        subject=shown["subject"],
        preheader=shown["preheader"],
        text=_with_footer(as_text(filled, tokens), context, shown["why"]),
        html=page,
    )


def check_text(source: str) -> list[Problem]:
    """Say what is wrong with a whole template file: its head (subject, preheader, why) and its body.

    The file is also filled with every sample, so that a subject which is empty for some is found on saving.
    """
    try:
        for sample in SAMPLES.values():
            _split(fill(source, sample.values(), VARIABLES, formats_for("en")))
    except TextError as error:
        return error.problems
    except ValueError as error:
        return [Problem(1, str(error))]
    return []


def _find(template_dir: Path, template: str, locale: str) -> _Text:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", template):
        raise LookupError(f"{template!r} is not the name of a message template")
    for candidate in (locale.replace("_", "-"), _language(locale), "en"):
        if not re.fullmatch(r"[A-Za-z0-9-]+", candidate):
            continue
        path = template_dir / template / f"{candidate}.md"
        if path.is_file():
            own = _language(locale) == _language(candidate)
            source = path.read_text(encoding="utf-8")
            return _Text(source, f"{template}/{candidate}.md", locale.replace("_", "-") if own else candidate)
    raise LookupError(f"there is no message template {template!r} in English in {template_dir}")


def _language(locale: str) -> str:
    return re.split("[-_]", locale)[0].lower()


def _split(filled: Filled) -> tuple[dict[str, str], str]:
    head = _HEAD.match(filled.text)
    if head is None:
        raise TextError("text", [Problem(1, "begin with `---`, then subject:, preheader:, why:, then `---`")])
    heads: dict[str, str] = {}
    for number, line in enumerate(head[1].split("\n"), start=2):
        if not line.strip():
            continue
        key, colon, value = line.partition(":")
        if not colon or key.strip() not in HEADS:
            raise TextError("text", [Problem(number, f"expected one of {', '.join(HEADS)} before a colon")])
        heads[key.strip()] = _head(filled, value)
    missing = [key for key in HEADS if not heads.get(key)]
    if missing:
        raise TextError("text", [Problem(1, f"`{missing[0]}:` is missing, or empty for some message")])
    return heads, filled.text[head.end() :]


def _head(filled: Filled, value: str) -> str:
    # cleaned before the values go in, since cleaning would take the isolates of right-to-left names away
    return put_values(" ".join(value.split()), filled, value_as_text)


def _with_footer(text: str, context: MailContext, why: str) -> str:
    support = plain(context.merchant_support or "")
    footer = [line for line in ("-- ", plain(context.merchant_name), support, why) if line]
    return "\n".join([text, "", *footer, ""])


@lru_cache(maxsize=8)
def _layout(template_dir: Path) -> Template:
    environment = Environment(
        loader=FileSystemLoader(template_dir / "_base"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("layout.html")


# The @media rules stand in a style element of their own, marked to be kept: kept at-rules would be moved
# before the charset, out of the first kilobyte in which a browser looks for it.
_INLINER = css_inline.CSSInliner(
    keep_style_tags=False, keep_at_rules=False, load_remote_stylesheets=False, minify_css=False
)
