"""Conditions over what is known when a recovery opens: the first that holds is the one."""

from dataclasses import dataclass

import pytest

from dunning.core.conditions import Condition, Known, NotUsable, first_match
from dunning.core.segments import EXAMPLE, Segments
from dunning.core.vocabulary import InvoiceClass, Retries

ROBIN = Known("eur", 5000, plan="Basic", country="DE")


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        ({}, True),
        ({"currency": "eur"}, True),
        ({"currency": ["usd", "eur"]}, True),
        ({"currency": "usd"}, False),
        ({"currency": "eur", "country": "FR"}, False),
        ({"country": ["DE", "AT"], "plan": "Basic"}, True),
        ({"plan": "Enterprise"}, False),
        ({"currency": "eur", "amount_from": 5000}, True),
        ({"currency": "eur", "amount_from": 5001}, False),
        ({"currency": "eur", "amount_below": 5000}, False),
        ({"currency": "eur", "amount_below": 5001}, True),
        ({"invoice_class": "renewal"}, True),
        ({"invoice_class": ["first", "trial_end"]}, False),
        ({"account": "self"}, True),
        ({"account": "acct_1"}, False),
        ({"livemode": False}, True),
        ({"livemode": True}, False),
    ],
    ids=str,
)
def test_a_condition_holds_when_every_field_that_it_names_does(
    said: dict[str, object], *, holds: bool
) -> None:
    condition = Condition.loads(said)
    assert condition.holds(ROBIN) is holds
    assert Condition.loads(condition.dumps()) == condition


def test_what_is_not_known_of_an_invoice_fits_no_condition_about_it() -> None:
    nobody = Known("eur", 5000)
    assert not Condition.loads({"country": "DE"}).holds(nobody)
    assert not Condition.loads({"plan": "Basic"}).holds(nobody)


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ({"colour": "red"}, "the fields are invoice_class"),
        ({"currency": "EUR"}, "small letters"),
        ({"currency": 7}, "small letters"),
        ({"country": "germany"}, "capital letters"),
        ({"account": "acme"}, "acct_"),
        ({"invoice_class": "weekly"}, "renewal"),
        ({"plan": ""}, "plan"),
        ({"amount_from": 100}, "exactly one"),
        ({"amount_from": 100, "currency": ["eur", "usd"]}, "exactly one"),
        ({"amount_from": "100", "currency": "eur"}, "whole number"),
        ({"amount_from": True, "currency": "eur"}, "whole number"),
        ({"amount_below": -1, "currency": "eur"}, "whole number"),
        ({"amount_from": 200, "amount_below": 200, "currency": "eur"}, "No amount"),
        ({"livemode": "yes"}, "true or false"),
    ],
    ids=str,
)
def test_a_condition_that_cannot_work_is_refused_with_what_to_do(said: dict[str, object], word: str) -> None:
    with pytest.raises(NotUsable, match=word):
        Condition.loads(said)


def test_any_list_of_rules_is_chosen_from_by_the_first_that_fits() -> None:
    @dataclass(frozen=True)
    class Choice:
        when: Condition
        campaign: str

    rules = (
        Choice(Condition.loads({"country": "FR"}), "french"),
        Choice(Condition.loads({"currency": "eur"}), "euro"),
        Choice(Condition(), "everybody"),
    )
    found = first_match(rules, ROBIN)
    assert found is not None
    assert found.campaign == "euro"
    assert first_match(rules[:1], ROBIN) is None


TWO = """
[[segment]]
name = "enterprise"
retries = "watch"
messages = "off"
[segment.when]
plan = ["Enterprise", "Enterprise \\"yearly\\""]
currency = "eur"
amount_from = 100000

[[segment]]
name = "rest"
"""


def test_what_is_written_reads_back_the_same() -> None:
    read = Segments.read(TWO)
    assert [segment.name for segment in read.all] == ["enterprise", "rest"]
    assert (read.all[0].retries, read.all[0].messages) == (Retries.WATCH, False)
    assert (read.all[1].retries, read.all[1].messages) == (None, None)
    assert Segments.read(read.written()) == read
    assert Segments.loads(read.dumps()) == read
    assert read.of(ROBIN) == read.all[1]
    assert read.named("gone") is None
    assert read.all[0].when.words() == (
        'currency eur, plan Enterprise or Enterprise "yearly", amount from 100000'
    )
    assert read.all[1].when.words() == "always"


def test_the_example_is_none_yet_and_works_once_its_marks_are_taken_away() -> None:
    assert Segments.read(EXAMPLE) == Segments()
    lines = [line.removeprefix("# ") for line in EXAMPLE.splitlines()[2:-3]]
    assert Segments.read("\n".join(line for line in lines if line != "#")).all[0].name == "enterprise"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[[segment]", "not TOML"),
        ("[[segments]]\nname = 'a'", "one \\[\\[segment\\]\\] table"),
        ("segment = 'a'", "one \\[\\[segment\\]\\] table"),
        ("[[segment]]\nretries = 'own'", "needs a `name`"),
        ("[[segment]]\nname = 'Big Ones'", "needs a `name`"),
        ("[[segment]]\nname = 'overall'", "needs a `name`"),
        ("[[segment]]\nname = 'a'\nretry = 'own'", "'retry' is unknown"),
        ("[[segment]]\nname = 'a'\nretries = 'mine'", "watch, weave, own"),
        ("[[segment]]\nname = 'a'\nmessages = 'maybe'", "on or off"),
        ("[[segment]]\nname = 'a'\nwhen = 'eur'", "table of fields"),
        ("[[segment]]\nname = 'a'\n[segment.when]\ncolour = 'red'", "Segment 'a': 'colour'"),
        ("[[segment]]\nname = 'a'\n[[segment]]\nname = 'b'", "never reached"),
        (
            "[[segment]]\nname = 'a'\n[segment.when]\ncurrency = 'eur'\n[[segment]]\nname = 'a'",
            "Two segments",
        ),
    ],
    ids=str,
)
def test_segments_that_cannot_work_are_refused_with_their_name(text: str, word: str) -> None:
    with pytest.raises(NotUsable, match=word):
        Segments.read(text)


@pytest.mark.parametrize("invoice_class", list(InvoiceClass))
def test_every_class_of_invoice_can_be_asked_about(invoice_class: InvoiceClass) -> None:
    condition = Condition.loads({"invoice_class": invoice_class.value})
    assert condition.holds(Known("usd", 1, invoice_class=invoice_class))


def test_segments_that_differ_from_the_overall_switches_are_named() -> None:
    read = Segments.read(TWO)
    assert read.unlike(Retries.WATCH, messages=False) == ()
    assert read.unlike(Retries.OWN, messages=False) == ("enterprise",)
    assert read.unlike(Retries.WATCH, messages=True) == ("enterprise",)
