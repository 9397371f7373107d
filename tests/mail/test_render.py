"""Built-in messages: complete for every sample, and inert whatever the data says."""

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dunning.mail.context import MailContext
from dunning.mail.render import check_text, render
from dunning.mail.samples import SAMPLES
from dunning.mail.template import Problem, TextError
from dunning.mail.texts import names

TEMPLATES = names(Path(__file__).parents[2] / "templates" / "email")
USUAL = SAMPLES["usual"]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<b>Bob</b> & <i>co</i>",
    "[click](http://evil.test)",
    "![x](http://evil.test/p.png)",
    "<http://evil.test>",
    "http://evil.test www.evil.test",
    "[a]: javascript:alert(1)",
    "](javascript:alert(1))",
    "**bold** _it_ `code` ~~x~~ # x",
    "\n\n# Heading\n\n- item\n\n[x](http://evil.test)\n\n---\n",
    "Eve\r\nBcc: all@evil.test\r\n\r\nbody",
    "ليلى \u202e evil \u2066x",
    "{{ link }} {% if needs %}{{ amount }}{% endif %}",
    "\ue0000\ue001 \ue0009\ue001",
    "&lt;b&gt; &#60;b&#62; &amp;",
    "\\[x\\](y) \\",
    "<!-- --> <![CDATA[ ]]> <style>*{display:none}</style>",
    "1. one",
    "    indented",
    "=====",
    "\x00\x01\x7f",
]


class Shape(HTMLParser):
    """What of a page is markup: its tags with their attributes, and where its links lead."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.hrefs: set[str] = set()
        self.comments = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "bdi":  # how our layout sets a right-to-left name apart; it has no effect of its own
            self.tags[" ".join([tag, *sorted(name for name, _ in attrs)])] += 1
        self.hrefs |= {value or "" for name, value in attrs if name in {"href", "src", "action"}}

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def with_data(text: str) -> MailContext:
    return replace(
        USUAL,
        merchant_name="M" + text,
        customer_name="C" + text,
        plan="P" + text,
        invoice_number="I" + text,
        decline_reason="D" + text,
        card_brand="B" + text,
    )


def same_shape(template_dir: Path, template: str, text: str) -> None:
    context = with_data(text)
    tame = replace(with_data("x"), customer_name="x" if context.values()["customer"].name else "")  # type: ignore[attr-defined]
    if not context.values()["decline_reason"]:
        tame = replace(tame, decline_reason="")
    expected = Shape(render(template_dir, template, tame, locale="en").html)
    rendered = render(template_dir, template, context, locale="en")
    shape = Shape(rendered.html)
    assert shape.tags == expected.tags
    assert shape.hrefs == expected.hrefs
    assert shape.comments == expected.comments
    assert not re.search(r"[\x00-\x1f\x7f\u2028\u2029\u202e]", rendered.subject + rendered.preheader)


@pytest.mark.parametrize("needs", ["card", "authentication", "funds"])
@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_has_one_link_of_ours_and_no_table(template_dir: Path, template: str, needs: str) -> None:
    context = replace(USUAL, needs=needs)  # type: ignore[arg-type]
    rendered = render(template_dir, template, context, locale="en-US")
    assert rendered.text.count(context.link) == (0 if template == "recovered" else 1)
    shape = Shape(rendered.html)
    assert (context.link in shape.hrefs) == (template != "recovered")
    assert "html dir lang style" in shape.tags
    assert "table" not in " ".join(shape.tags)


def test_the_subject_names_no_amount_and_the_body_does(template_dir: Path) -> None:
    for template in TEMPLATES:
        rendered = render(template_dir, template, USUAL, locale="en-US")
        assert "$49.00" not in rendered.subject + rendered.preheader
        # Of a renewal to come only its prices are known, not what its bill will say.
        if template in {"card_expiring", "renewal_at_risk"}:
            continue
        assert "$49.00" in rendered.text
        assert "$49.00" in rendered.html


@pytest.mark.parametrize(
    ("needs", "words"),
    [("card", "Update your card"), ("authentication", "Confirm the payment"), ("funds", "Use another card")],
)
@pytest.mark.parametrize("template", ["payment_failed", "payment_reminder", "final_notice"])
def test_the_button_says_what_is_needed(template_dir: Path, template: str, needs: str, words: str) -> None:
    rendered = render(template_dir, template, replace(USUAL, needs=needs), locale="en")  # type: ignore[arg-type]
    assert re.search(rf'<a class="button" href="{USUAL.link}"[^>]*>{words}</a>', rendered.html)
    assert f"{words}:\n{USUAL.link}" in rendered.text


def test_the_final_notice_says_when_we_stop_trying(template_dir: Path) -> None:
    rendered = render(template_dir, "final_notice", USUAL, locale="en-GB")
    assert "After 17 November 2026 we'll stop trying." in rendered.text
    assert 'lang="en-GB"' in rendered.html


def test_a_language_without_texts_gets_english_with_english_dates(template_dir: Path) -> None:
    rendered = render(template_dir, "payment_failed", USUAL, locale="pt-BR")
    assert "November 3, 2026" in rendered.text
    assert '<html lang="en"' in rendered.html


def test_a_text_in_the_nearest_language_is_preferred(template_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "_base").symlink_to(template_dir / "_base")
    (tmp_path / "hello").mkdir()
    for language in ("en", "fr"):
        head = f"---\nsubject: {language}\npreheader: p\nwhy: w\n---\n"
        (tmp_path / "hello" / f"{language}.md").write_text(head + "{{ amount }}")
    rendered = render(tmp_path, "hello", replace(USUAL, currency="cad"), locale="fr-CA")
    assert rendered.subject == "fr"
    assert rendered.text.startswith("49,00\u00a0$")


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("template", ["payment_failed", "renewal_annual", "new_link"])
def test_hostile_data_adds_no_tag_no_attribute_and_no_link(
    template_dir: Path, template: str, text: str
) -> None:
    same_shape(template_dir, template, text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(
        alphabet=st.sampled_from("<>[]()!*_`#-=&;:/\\\"'\n\r\t {}%|~@. ax1é\u202eא\ue000\ue001"), max_size=40
    )
)
def test_no_combination_of_special_characters_becomes_markup(template_dir: Path, text: str) -> None:
    same_shape(template_dir, "payment_failed", text)


def test_hostile_data_is_shown_as_it_is(template_dir: Path) -> None:
    rendered = render(template_dir, "payment_failed", replace(USUAL, plan="**A** <b>&amp;"), locale="en")
    assert "**A** &lt;b&gt;&amp;amp;" in rendered.html
    assert "**A** <b>&amp;" in rendered.text


def test_a_name_that_mail_programs_would_link_is_left_out(template_dir: Path) -> None:
    for name in ("Win at evil.test", "https://evil.test", "me@evil.test", "www.evil"):
        rendered = render(template_dir, "payment_failed", replace(USUAL, customer_name=name), locale="en")
        assert "Hello,\n" in rendered.text
        assert "evil" not in rendered.html


def test_a_reason_that_accuses_is_left_out(template_dir: Path) -> None:
    for reason in ("the card was reported stolen", "suspected fraud", "lost card", "Pick-up card"):
        rendered = render(template_dir, "payment_failed", replace(USUAL, decline_reason=reason), locale="en")
        assert "The reason" not in rendered.text


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "/pay/x", "https://", 'https://x/" onclick="', "https://a b"]
)
def test_a_link_that_is_no_web_address_is_refused(template_dir: Path, link: str) -> None:
    with pytest.raises(ValueError, match="http or https"):
        render(template_dir, "payment_failed", replace(USUAL, link=link), locale="en")


def test_a_support_text_that_is_no_address_is_shown_without_a_link(template_dir: Path) -> None:
    context = replace(USUAL, merchant_support="javascript:alert(1)")
    rendered = render(template_dir, "payment_failed", context, locale="en")
    assert Shape(rendered.html).hrefs == {USUAL.link}


def test_staff_texts_link_only_to_addresses_they_spell_out_or_to_links(
    template_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "_base").symlink_to(template_dir / "_base")
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / "en.md").write_text(
        "---\nsubject: s\npreheader: p\nwhy: w\n---\n"
        "[a]({{ plan }}) [b](https://x.test/?c={{ customer.name }}) [c](javascript:alert(1)) "
        "[d](https://fine.test '{{ plan }}') ![e](https://pixel.test/p.png) <b>f</b> [g]({{ link }})\n\n"
        "    code\n"
    )
    context = replace(USUAL, plan="https://evil.test", merchant_support=None)
    rendered = render(tmp_path, "hello", context, locale="en")
    assert Shape(rendered.html).hrefs == {"https://fine.test", "https://pixel.test/p.png", USUAL.link}
    assert "img" not in rendered.html
    assert "<b>" not in rendered.html
    assert "title=" not in rendered.html


def test_a_broken_text_names_its_file_and_line(template_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "_base").symlink_to(template_dir / "_base")
    (tmp_path / "hello").mkdir()
    path = tmp_path / "hello" / "en.md"
    path.write_text("---\nsubject: s\npreheader: p\nwhy: w\n---\nHi {{ custmer.name }}")
    with pytest.raises(TextError, match=r"hello/en\.md: line 6: .*did you mean `customer\.name`"):
        render(tmp_path, "hello", USUAL, locale="en")


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("Hello", Problem(1, "begin with `---`, then subject:, preheader:, why:, then `---`")),
        ("---\nsubject: s\nwhy: w\n---\n", Problem(1, "`preheader:` is missing, or empty for some message")),
        (
            "---\nsubject: {{ plan }}\npreheader: p\nwhy: w\n---\n",
            Problem(1, "`subject:` is missing, or empty for some message"),
        ),
        (
            "---\nsubject: s\nbcc: x\n---\n",
            Problem(3, "expected one of subject, preheader, why before a colon"),
        ),
    ],
)
def test_a_head_that_is_incomplete_is_told(source: str, problem: Problem) -> None:
    assert check_text(source) == [problem]


@pytest.mark.parametrize("name", ["../payment_failed", "_base", "nothing_like_it", ""])
def test_an_unknown_template_is_refused_by_name(template_dir: Path, name: str) -> None:
    with pytest.raises(LookupError):
        render(template_dir, name, USUAL, locale="en")


def test_a_locale_cannot_lead_out_of_the_folder(template_dir: Path) -> None:
    assert render(template_dir, "recovered", USUAL, locale="../payment_failed/en").subject.startswith(
        "Thank you"
    )


def test_a_message_that_grows_too_long_as_html_is_refused(template_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "_base").symlink_to(template_dir / "_base")
    (tmp_path / "hello").mkdir()
    source = "---\nsubject: s\npreheader: p\nwhy: w\n---\n" + "- x\n" * 15_000
    (tmp_path / "hello" / "en.md").write_text(source)
    with pytest.raises(ValueError, match="longer than 256 KB"):
        render(tmp_path, "hello", USUAL, locale="en")


def test_the_same_facts_give_the_same_message(template_dir: Path) -> None:
    assert render(template_dir, "recovered", USUAL, locale="en") == render(
        template_dir, "recovered", USUAL, locale="en"
    )
