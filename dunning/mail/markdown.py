"""From a filled text to HTML and to plain text.

The Markdown parser sees marks, never data: a customer's name cannot become a link, a tag or a heading.
"""

import html
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.token import Token

from dunning.mail.formats import reads_right_to_left
from dunning.mail.template import CLOSE, OPEN, Filled, Value

_MARK = re.compile(f"{OPEN}(\\d+){CLOSE}")
# Pictures track readers and are blocked anyway; code blocks surprise whoever indents a line.
_NOT_IN_MAIL = ("image", "code", "fence", "backticks", "autolink", "html_block", "html_inline")


class _Parser(MarkdownIt):
    """CommonMark whose links lead to an address that the text spells out, or to a value that is a link."""

    def __init__(self, values: Sequence[Value]) -> None:
        super().__init__("commonmark", {"html": False})
        self.disable(_NOT_IN_MAIL)
        self._values = values

    def validateLink(self, url: str) -> bool:  # noqa: N802 -- overrides markdown-it's method
        if OPEN not in url:
            return url.startswith(("https://", "http://", "mailto:"))
        mark = _MARK.fullmatch(url)
        return mark is not None and self._values[int(mark[1])].is_link

    def normalizeLink(self, url: str) -> str:  # noqa: N802 -- overrides markdown-it's method
        return url if OPEN in url else super().normalizeLink(url)


def parse(filled: Filled, body: str) -> list[Token]:
    """Read the Markdown `body` of a filled text; a link of ours alone in its paragraph becomes a button."""
    tokens = _Parser(filled.values).parse(body)
    for paragraph, inline in pairwise(tokens):
        for child in inline.children or ():
            child.attrs.pop("title", None)
        if paragraph.type == "paragraph_open" and _is_button(inline):
            paragraph.attrs["class"] = "action"
            (inline.children or [])[0].attrs["class"] = "button"
    return tokens


def as_html(filled: Filled, tokens: Sequence[Token]) -> str:
    """Return the HTML of a parsed text, its values escaped."""
    parser = MarkdownIt("commonmark", {"html": False})
    return put_values(parser.renderer.render(tokens, parser.options, {}), filled, _value_as_html)


def as_text(filled: Filled, tokens: Sequence[Token]) -> str:
    """Return a parsed text for readers without HTML; links are written out."""
    text = put_values("\n".join(_lines(tokens)), filled, value_as_text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def put_values(text: str, filled: Filled, show: Callable[[Value], str]) -> str:
    """Replace the marks in `text`, once; a value that looks like a mark is left alone."""
    return _MARK.sub(lambda mark: show(filled.values[int(mark[1])]), text)


def value_as_text(value: Value) -> str:
    """Return a value for plain text, set apart (FSI ... PDI) when it reads from right to left."""
    if value.is_link:
        return value.text.removeprefix("mailto:")
    return f"\u2068{value.text}\u2069" if reads_right_to_left(value.text) else value.text


def _value_as_html(value: Value) -> str:
    escaped = html.escape(value.text)
    apart = not value.is_link and reads_right_to_left(value.text)
    return f"<bdi>{escaped}</bdi>" if apart else escaped


def _is_button(inline: Token) -> bool:
    children = [child for child in inline.children or () if child.type != "text" or child.content.strip()]
    links = [child for child in children if child.type == "link_open"]
    return (
        len(links) == 1
        and children[0] is links[0]
        and children[-1].type == "link_close"
        and OPEN in str(links[0].attrs["href"])
    )


def _lines(tokens: Sequence[Token]) -> Iterator[str]:
    lists: list[int | None] = []  # the number of the last item of each open list; None for bullets
    bullet = ""
    for token in tokens:
        if token.type in {"bullet_list_open", "ordered_list_open"}:
            lists.append(int(token.attrs.get("start", 1)) - 1 if token.tag == "ol" else None)
        elif token.type in {"bullet_list_close", "ordered_list_close"}:
            lists.pop()
            yield ""
        elif token.type == "list_item_open":
            bullet = _bullet(lists)
        elif token.type == "inline":
            yield "  " * (len(lists) - 1) + bullet + _inline_text(token)
            bullet = ""
        elif token.type == "hr":
            yield "-----\n"
        elif token.nesting < 0 and not token.hidden and token.type != "list_item_close":
            yield ""


def _bullet(lists: list[int | None]) -> str:
    number = lists[-1]
    if number is None:
        return "- "
    lists[-1] = number + 1
    return f"{number + 1}. "


def _inline_text(inline: Token) -> str:
    pieces: list[str] = []
    hrefs: list[str] = []
    for child in inline.children or ():
        if child.type == "link_open":
            hrefs.append(str(child.attrs["href"]).removeprefix("mailto:"))
        elif child.type == "link_close":
            href = hrefs.pop()
            pieces.append(f":\n{href}" if _is_button(inline) else f" ({href})")
        else:
            pieces.append({"softbreak": " ", "hardbreak": "\n"}.get(child.type, child.content))
    return "".join(pieces)
