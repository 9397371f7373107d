"""One message, from a template folder and the facts to subject, text and HTML."""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import css_inline
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from dunning.mail.context import VARIABLES, MailContext
from dunning.mail.formats import formats_for, plain
from dunning.mail.look import Look
from dunning.mail.markdown import as_html, as_text, parse, put_values, value_as_text
from dunning.mail.rendered import Rendered
from dunning.mail.samples import SAMPLES
from dunning.mail.template import MAX_OUTPUT, Filled, Pieces, Problem, TextError, fill
from dunning.mail.texts import FoundText, Own, find, pieces, reason_in

__all__ = ["MailContext", "Rendered", "check_text", "render", "render_source"]

HEADS = ("subject", "preheader", "why")
PLAIN_LOOK: Final = Look()
_HEAD = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
_RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})


def render(
    template_dir: Path,
    template: str,
    context: MailContext,
    *,
    locale: str,
    look: Look = PLAIN_LOOK,
    own: Own | None = None,
) -> Rendered:
    """Render `template` for one customer.

    The text is taken in the nearest language that exists (`fr-CA`, `fr`, the merchant's, then `en`), and
    money and dates are written as that language writes them, in the customer's own region when it is the
    same language. `own` finds the merchant's own texts, which come before the built-in ones.

    Raises:
        LookupError: if there is no such template.
        TextError: if the text has a problem; its lines are named.
        ValueError: if the link is no web address, or the message is too long.
    """
    text = find(template_dir, template, locale, default=look.language, tone=look.tone, own=own)
    return render_source(template_dir, text, context, look=look)


def render_source(
    template_dir: Path, text: FoundText, context: MailContext, *, look: Look = PLAIN_LOOK
) -> Rendered:
    """Render one text, wherever it came from; raises as `render` does."""
    ours = pieces(template_dir, text.language, look.tone)
    said = replace(
        context,
        decline_reason=reason_in(template_dir, text.language, context.decline_reason),
        merchant_name=look.name or context.merchant_name,
        merchant_support=look.support or context.merchant_support,
    )
    values = said.values()
    try:
        filled = fill(text.source, values, VARIABLES, formats_for(text.locale), ours)
        shown, body = _split(filled, _why(ours, values, text.locale))
    except TextError as error:
        raise TextError(text.name, error.problems) from None
    tokens = parse(filled, body)
    page = _layout(template_dir, look).render(
        lang=text.locale,
        direction="rtl" if text.language in _RIGHT_TO_LEFT else "ltr",
        body=Markup(as_html(filled, tokens)),  # noqa: S704 -- markdown-it without HTML, values escaped
        merchant=values["merchant"],
        **shown,
    )
    page = _INLINER.inline(page)
    if len(page) > MAX_OUTPUT:
        raise ValueError(f"{text.name}: the message is longer than {MAX_OUTPUT // 1024} KB")
    return Rendered(
        subject=shown["subject"],
        preheader=shown["preheader"],
        text=_with_footer(as_text(filled, tokens), said, shown["why"]),
        html=page,
    )


def check_text(source: str, ours: Pieces = ()) -> list[Problem]:
    """Say what is wrong with a whole template file: its head (subject, preheader, why) and its body.

    The file is also filled with every sample, so that a subject which is empty for some is found on saving.
    `ours` are the pieces that it may include; the head may leave out `why` when one of them says it.
    """
    try:
        for sample in SAMPLES.values():
            values = sample.values()
            filled = fill(source, values, VARIABLES, formats_for("en"), ours)
            _, body = _split(filled, _why(ours, values, "en"))
            as_text(filled, parse(filled, body))
    except TextError as error:
        return error.problems
    except (ValueError, RecursionError) as error:
        return [Problem(1, str(error) or "too deeply nested")]
    return []


def _why(ours: Pieces, values: Mapping[str, object], locale: str) -> str:
    """Return the line that says why somebody gets this mail, in the language of the text."""
    source = dict(ours).get("why", "")
    filled = fill(source, values, VARIABLES, formats_for(locale))
    return _head(filled, filled.text)


def _split(filled: Filled, why: str = "") -> tuple[dict[str, str], str]:
    head = _HEAD.match(filled.text)
    if head is None:
        raise TextError("text", [Problem(1, "begin with `---`, then subject:, preheader:, why:, then `---`")])
    heads: dict[str, str] = {"why": why}
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
    return put_values(re.sub("[ \t\r\n]+", " ", value).strip(" "), filled, value_as_text)


def _with_footer(text: str, context: MailContext, why: str) -> str:
    support = plain(context.merchant_support or "")
    footer = [line for line in ("-- ", plain(context.merchant_name), support, why) if line]
    return "\n".join([text, "", *footer, ""])


@lru_cache(maxsize=8)
def _layout(template_dir: Path, look: Look) -> Template:
    environment = Environment(
        loader=FileSystemLoader(template_dir / "_base"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("layout.html", globals={"look": look})


# The @media rules stand in a style element of their own, marked to be kept: kept at-rules would be moved
# before the charset, out of the first kilobyte in which a browser looks for it.
_INLINER = css_inline.CSSInliner(
    keep_style_tags=False, keep_at_rules=False, load_remote_stylesheets=False, minify_css=False
)
