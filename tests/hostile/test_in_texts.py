"""Foreign words in mails, tables and headers, and texts that staff write: inert, or refused in words."""

import csv
import io
import random
import re
from dataclasses import replace
from email.parser import BytesParser
from email.policy import default
from html.parser import HTMLParser

import pytest
from hostile.draws import WORDS, many, seeds, text

from dunning.flows.export_csv import FORMULAS, SPACES, write_csv
from dunning.mail.compose import compose
from dunning.mail.render import check_text, render, render_source
from dunning.mail.rendered import Rendered
from dunning.mail.samples import SAMPLES
from dunning.mail.texts import FoundText
from dunning.resources import templates

EMAIL = templates() / "email"
ACTIVE = frozenset({"script", "iframe", "object", "embed", "form", "input", "svg", "math", "base", "link"})
PIECES = (
    *(
        "{{ customer.name }}",
        "{{ amount }}",
        "{% if card %}",
        "{% endif %}",
        "{% else %}",
        "{{",
        "}}",
        "{%",
        "%}",
    ),
    *("{% for a in customer %}", "{{ ''.__class__.__mro__ }}", "{{ merchant.name * 10**9 }}", "{{ self }}"),
    *("{% set x = 1 %}", "{% include 'greeting' %}", "{{ cycler.__init__.__globals__ }}", "{{ amount|e }}"),
    *(
        "---\n",
        "subject: x\n",
        "# T\n",
        "[a](javascript:x)",
        "[a](java\tscript:x)",
        "[a](\x01javascript:x)",
        "<javascript:x>",
        "<b onclick=x>",
        "{{ link }}",
        "\n\n",
        "{{ lipsum() }}",
    ),
)
HEADS = (
    "---\nsubject: Hello\npreheader: Hi\nwhy: You owe.\n---\n# Hello\n\n",
    "---\nsubject: Hello\n---\n",
    "",
)
CALLING = ("javascript", "data", "vbscript")


class Elements(HTMLParser):
    """Collects what a page would act on."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTIVE:
            self.acts.append(tag)
        for name, value in attrs:
            scheme = re.sub(r"[\x00-\x20]", "", value or "").lower().partition(":")[0]  # as browsers do
            if name.startswith("on") or (name in {"href", "src"} and scheme in CALLING):
                self.acts.append(f"{tag} {name}={value}")


def acting(page: str) -> list[str]:
    found = Elements()
    found.feed(page)
    return found.acts


def test_foreign_words_are_inert_in_every_mail() -> None:
    for chance in seeds(many(150, 10), "mail"):
        said = replace(
            SAMPLES["usual"],
            customer_name=text(chance),
            plan=text(chance),
            invoice_number=text(chance),
            merchant_name=text(chance) or "Acme",
        )
        name, locale = chance.choice(("payment_failed", "final_notice")), chance.choice(("en", "fr", "de"))
        mail = render(EMAIL, name, said, locale=locale)
        assert acting(mail.html) == []
        assert "\n" not in mail.subject
        assert "\r" not in mail.subject


def test_no_header_of_a_mail_can_be_added_to() -> None:
    composed = 0
    for chance in seeds(many(1500, 10), "header"):
        mail = Rendered(text(chance), "", "Hello", "<p>Hello</p>")
        name = text(chance)
        try:
            made = compose(
                mail,
                message_id_local="msg_1",
                sender=f"{name} <billing@acme.example>",
                recipient=chance.choice(("ana@acme.example", text(chance))),
                domain="acme.example",
            )
        except ValueError:
            continue
        composed += 1
        sent = BytesParser(policy=default).parsebytes(bytes(made))
        assert sent.get_all("to") is not None
        assert len(sent.get_all("to") or []) == 1
        assert "bcc" not in sent
        assert "cc" not in sent
        assert {part.get_content_type() for part in sent.iter_parts()} == {"text/plain", "text/html"}
    assert composed > 0


def test_no_cell_of_a_table_is_a_formula() -> None:
    for chance in seeds(many(3000, 10), "cell"):
        cells = [text(chance) for _ in range(3)]
        read = next(csv.reader(io.StringIO(write_csv([], [cells]).partition("\r\n")[2], newline="")))
        for cell, shown in zip(cells, read, strict=True):
            assert shown in {cell, f"'{cell}"}
            assert shown.lstrip(SPACES)[:1] not in FORMULAS, cell


def test_a_text_of_staff_is_refused_in_words_or_can_be_sent() -> None:
    allowed = 0
    for chance in seeds(many(400, 10), "template"):
        source = _source(chance)
        problems = check_text(source)
        if problems:
            assert all(problem.line >= 1 and problem.message for problem in problems)
            continue
        allowed += 1
        mail = render_source(EMAIL, FoundText(source, "own", "en"), SAMPLES["usual"])
        assert acting(mail.html) == []
    assert allowed > 0


def _source(chance: random.Random) -> str:
    parts = [chance.choice((chance.choice(PIECES), chance.choice(WORDS), text(chance, 2))) for _ in range(4)]
    head = chance.choice(HEADS)
    return head + "".join(parts)


@pytest.mark.parametrize("word", WORDS)
def test_each_hostile_word_is_inert_where_a_name_stands(word: str) -> None:
    mail = render(EMAIL, "payment_failed", replace(SAMPLES["usual"], customer_name=word), locale="en")
    assert acting(mail.html) == []
    assert "49 " not in mail.text.replace("49.00", "")  # {{7*7}} was not computed
