"""Texts that staff may edit: what passes, what is refused, and where the refusal points."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.core.money import Money
from dunning.mail.formats import Link, formats_for
from dunning.mail.template import CLOSE, MAX_OUTPUT, MAX_SOURCE, OPEN, Problem, TextError, check, fill

NAMES = frozenset({"customer", "merchant.name", "amount", "plan", "link", "needs"})
VALUES: dict[str, object] = {
    "customer": "Ana",
    "amount": Money(4900, "usd"),
    "plan": "",
    "link": Link("https://x"),
    "needs": "card",
}

ATTACKS = [
    "{{ 'a'*10**9 }}",
    "{{ 'a' ~ 'b' }}",
    "{{ 1 + 1 }}",
    "{{ 10 % 3 }}",
    "{{ -customer }}",
    "{{ customer.__class__ }}",
    "{{ customer.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__ }}",
    "{{ 'x'.upper }}",
    "{{ customer['name'] }}",
    "{{ customer[0] }}",
    "{{ customer[::2] }}",
    "{{ customer.upper() }}",
    "{{ range(10) }}",
    "{{ lipsum(n=1000) }}",
    "{{ cycler('a', 'b') }}",
    "{{ namespace(a=1) }}",
    "{{ self }}",
    "{{ self._TemplateReference__context }}",
    "{{ '%1000000000d' | format(1) }}",
    "{{ customer | format(1) }}",
    "{{ customer | center(1000000000) }}",
    "{{ customer | indent(1000000000) }}",
    "{{ customer | safe }}",
    "{{ customer | attr('__class__') }}",
    "{{ customer | map('upper') }}",
    "{{ customer | xmlattr }}",
    "{{ customer | replace('a', 'aaaa') }}",
    "{{ customer | join(customer) }}",
    "{{ customer | default(amount) }}",
    "{{ customer | default('x', boolean=true) }}",
    "{{ customer | default(*needs) }}",
    "{{ customer | default(**needs) }}",
    "{{ customer | upper(1) }}",
    "{{ amount | money('a' * 10) }}",
    "{{ [1, 2] }}",
    "{{ (1, 2) }}",
    "{{ {'a': 1} }}",
    "{% for x in customer %}{{ x }}{% endfor %}",
    "{% set x = 1 %}",
    "{% set x %}a{% endset %}",
    "{% include '/etc/passwd' %}",
    "{% import 'x' as y %}",
    "{% from 'x' import y %}",
    "{% extends 'x' %}",
    "{% block x %}{% endblock %}",
    "{% macro x() %}{% endmacro %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with x = 1 %}{% endwith %}",
    "{% autoescape false %}{{ customer }}{% endautoescape %}",
    "{% if customer is defined %}x{% endif %}",
    "{% if 'a' in customer %}x{% endif %}",
    "{% if amount < 3 %}x{% endif %}",
    "{{ unknown }}",
    "{{ merchant }}",
    "{{ \ue000 }}",
    "plain \ue0000\ue001 text",
    "{{",
    "{% if needs %}",
    "{% nonsense %}",
    "{{ " + "9" * 5000 + " }}",
    "{{ " + "(" * 3000 + "customer" + ")" * 3000 + " }}",
    "{{ " + "not " * 3000 + "customer }}",
    "{{ customer" + " and customer" * 3000 + " }}",
    "{% if needs %}" * 500 + "{% endif %}" * 500,
    "x" * (MAX_SOURCE + 1),
]


@pytest.mark.parametrize("source", ATTACKS, ids=[source[:40] for source in ATTACKS])
def test_a_text_outside_the_allow_list_is_refused_at_once_and_is_never_filled(source: str) -> None:
    began = time.perf_counter()
    problems = check(source, NAMES)
    assert problems
    assert time.perf_counter() - began < 2
    with pytest.raises(TextError):
        fill(source, VALUES, NAMES, formats_for("en"))


OURS = (
    ("facts", "- {{ amount }}\n{% if plan %}\n- {{ plan }}\n{% endif %}\n"),
    ("bye", "Bye, {{ customer }}\n"),
)


@pytest.mark.parametrize(
    "source",
    [
        "{% include '/etc/passwd' %}",
        "{% include 'fact' %}",
        "{% include customer %}",
        "{% include ['facts'] %}",
        "{% include 'fa' ~ 'cts' %}",
        "{% include ('facts' if needs else 'bye') %}",
    ],
)
def test_nothing_but_a_piece_of_ours_can_be_included(source: str) -> None:
    (problem,) = check(source, NAMES, OURS)
    assert problem.message.startswith("no piece of ours has that name")
    with pytest.raises(TextError):
        fill(source, VALUES, NAMES, formats_for("en"), OURS)


def test_a_piece_says_its_words_where_it_is_included_also_behind_a_condition() -> None:
    source = (
        "{% if needs == 'card' %}\n{% include 'facts' %}\n{% else %}\nno\n{% endif %}\n{% include 'bye' %}\n"
    )
    assert check(source, NAMES, OURS) == []
    filled = fill(source, VALUES, NAMES, formats_for("en"), OURS)
    assert [value.text for value in filled.values] == ["$49.00", "Ana"]
    assert filled.text == f"- {OPEN}0{CLOSE}\nBye, {OPEN}1{CLOSE}\n"


def test_a_line_after_a_piece_keeps_its_number() -> None:
    problems = check("{% include 'facts' %}\n\n{{ custmer }}\n", NAMES, OURS)
    assert [problem.line for problem in problems] == [3]


def test_a_misspelt_variable_is_named_with_its_line_and_the_likely_one() -> None:
    problems = check("Hello,\nthank you, {{ custmer }}.\n", NAMES)
    assert [str(problem) for problem in problems] == [
        "line 2: unknown variable `custmer`; did you mean `customer`?"
    ]


def test_every_problem_of_a_text_is_told_with_its_own_line() -> None:
    source = (
        "{{ customer | shout }}\n\n{% if needs %}\n"
        "{{ merchant }} {{ merchant.nme }}\n{% endif %}\n{{ plan() }}"
    )
    assert check(source, NAMES) == [
        Problem(1, "unknown filter `shout`"),
        Problem(4, "unknown variable `merchant`; it has parts: `merchant.name`"),
        Problem(4, "unknown variable `merchant.nme`; did you mean `merchant.name`?"),
        Problem(6, "a call is not available in message texts"),
    ]


def test_a_syntax_error_keeps_its_line() -> None:
    (problem,) = check("a\nb\n{% if customer %}\nc", NAMES)
    assert problem.line >= 3
    (problem,) = check("a\nb\n{{ customer ! }}\nc", NAMES)
    assert problem.line == 3


def test_deep_nesting_is_told_with_its_line() -> None:
    problems = check("{% if needs %}\n" * 30 + "{% endif %}" * 30, NAMES)
    assert problems[0] == Problem(24, "nested more than 24 deep")


def test_everything_on_the_allow_list_works() -> None:
    source = (
        "{% if needs == 'card' and not plan %}{{ customer | upper }}{% elif plan %}no{% else %}no{% endif %} "
        "{{ amount | money }} {{ amount }} {{ plan | default('none') }} "
        "{{ 'x' if needs != 'card' or plan else 'y' }}"
    )
    assert check(source, NAMES) == []
    filled = fill(source, VALUES, NAMES, formats_for("en"))
    assert [value.text for value in filled.values] == ["ANA", "$49.00", "$49.00", "none", "y"]


def test_a_text_that_grows_beyond_the_limit_is_refused() -> None:
    source = "{{ customer }}" * 4000
    assert check(source, NAMES) == []
    with pytest.raises(ValueError, match=f"{MAX_OUTPUT // 1024} KB"):
        fill(source, {"customer": "x" * 500}, NAMES, formats_for("en"))


def test_a_filter_turns_a_link_into_plain_text() -> None:
    filled = fill("{{ link }}{{ link | upper }}", VALUES, NAMES, formats_for("en"))
    assert [value.is_link for value in filled.values] == [True, False]


PIECES = st.sampled_from(
    ["{{ ", " }}", "{% ", " %}", "if ", "endif", "for x in ", "customer", "amount", "link", ".", "_", "#}",
     "__class__", "(", ")", "[", "]", "'", "|", "upper", "default", "*", "**", "9", "~", "==", "not ", "and ",
     "\n", "{#"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=14).map("".join))
def test_whatever_check_passes_can_be_filled(source: str) -> None:
    if not check(source, NAMES):
        filled = fill(source, {**VALUES, "merchant": None}, NAMES, formats_for("en"))
        assert filled.size <= MAX_OUTPUT
