"""The merchant's card rules as a document: what it may say, and what follows from it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dunning.core.card_rules import CLASSES, NETWORKS, UNCHANGED, budget, load, mistakes, spelt
from dunning.core.card_rules_file import read, written
from dunning.core.declines import BUILT_IN, TABLE, Decline, DeclineClass, classify, may_retry, retry_limit
from dunning.core.network_rules import Budget, budget_use, budgets, next_free

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD = """# Half of our do_not_honor are empty accounts: class = "none of these"
[declines.do_not_honor]
class = "soft_funds"
retries = 3
words = "An empty account, most often."

[declines.brand_new_code]
class = "hard"

[budgets]
visa = ["20 in 30d"]
mastercard = ["5 in 24h", "35 in 30d"]
"""


def sentences(document: Any) -> list[str]:
    return [mistake.sentence for mistake in mistakes(document)]


def ruled(code: str, **own: Any) -> Any:
    """Return the card rules that replace one row."""
    document = {"declines": {code: own}}
    assert sentences(document) == []
    return load(document, 3)


def test_a_row_is_replaced_and_the_others_stay() -> None:
    document, problems = read(GOOD)
    assert problems == []
    rules = load(document, 1)
    assert rules.table.overridden == {"do_not_honor", "brand_new_code"}
    assert classify(Decline(code="do_not_honor"), rules.table) is DeclineClass.SOFT_FUNDS
    assert retry_limit(Decline(code="do_not_honor"), rules.table) == 3
    assert classify(Decline(code="brand_new_code"), rules.table) is DeclineClass.HARD
    assert "version 1" in rules.table.rows["do_not_honor"].source
    assert {
        code: row for code, row in rules.table.rows.items() if code in TABLE and code != "do_not_honor"
    } == {code: row for code, row in TABLE.items() if code != "do_not_honor"}
    assert budgets("visa", rules.budgets) == (Budget(20, timedelta(days=30)),)
    assert budgets("amex", rules.budgets) == budgets("amex")
    assert classify(Decline(code="do_not_honor")) is DeclineClass.SOFT_ISSUER


def test_the_file_is_written_as_it_is_read() -> None:
    document, _ = read(GOOD)
    assert read(written(document)) == (document, [])
    assert read(written({})) == ({}, [])
    assert UNCHANGED.table is BUILT_IN


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ('class = "soft_funds"', 'class = "soft"', 3, "declines.do_not_honor.class"),
        ('class = "soft_funds"\n', "", 2, "declines.do_not_honor.class"),
        ("retries = 3", "retries = 21", 4, "declines.do_not_honor.retries"),
        ("retries = 3", "retries = -1", 4, "declines.do_not_honor.retries"),
        ("retries = 3", "retries = true", 4, "declines.do_not_honor.retries"),
        ("retries = 3", 'retries = "3"', 4, "declines.do_not_honor.retries"),
        ("retries = 3", "retires = 3", 4, "declines.do_not_honor.retires"),
        ('words = "An empty account, most often."', 'words = " "', 5, "declines.do_not_honor.words"),
        ("[declines.brand_new_code]", '[declines."Brand new"]', 7, "declines.Brand new"),
        ("[declines.brand_new_code]", "[declines.lost_card]", 7, None),
        ('class = "hard"', 'class = "hard"\nretries = 1', 9, "declines.brand_new_code.retries"),
        ("[declines.brand_new_code]", "[declined.brand_new_code]", 7, "declined"),
        ('["20 in 30d"]', '["20 in a month"]', 11, "budgets.visa"),
        ('["20 in 30d"]', '["0 in 30d"]', 11, "budgets.visa"),
        ('["20 in 30d"]', "[]", 11, "budgets.visa"),
        ('["20 in 30d"]', '"20 in 30d"', 11, "budgets.visa"),
        ('["20 in 30d"]', "[20]", 11, "budgets.visa"),
        ("mastercard = ", "mastercrad = ", 12, "budgets.mastercrad"),
        ("[budgets]\n", "[budgets\n", 10, ""),
    ],
)
def test_each_mistake_is_named_with_its_line(old: str, new: str, line: int, field: str | None) -> None:
    assert old in GOOD
    _, problems = read(GOOD.replace(old, new))
    assert [(one.line, one.field) for one in problems] == ([] if field is None else [(line, field)])
    assert all(one.sentence.endswith((".", "?")) for one in problems)


@pytest.mark.parametrize("text", ["declines = 3", "budgets = []", "declines.x = 3", "[" * 90_000])
def test_what_is_no_document_is_refused(text: str) -> None:
    assert read(text)[1]


def test_a_document_that_is_no_table_is_refused() -> None:
    assert sentences([]) == ["the file must be a table with declines and budgets."]


@pytest.mark.parametrize("code", sorted(code for code, row in TABLE.items() if row.final))
@pytest.mark.parametrize("name", CLASSES)
def test_a_final_code_can_only_be_made_stricter(code: str, name: str) -> None:
    found = sentences({"declines": {code: {"class": name}}})
    assert bool(found) is may_retry(DeclineClass(name))


@pytest.mark.parametrize(
    ("network", "advice"), [("03", None), ("21", None), (None, "do_not_try_again"), ("03", "try_again_later")]
)
def test_no_row_of_the_merchants_outranks_do_not_try_again(network: str | None, advice: str | None) -> None:
    rules = ruled("not_permitted", **{"class": "soft_funds"})
    decline = Decline("not_permitted", advice, network, brand="mastercard")
    assert classify(decline, rules.table) is DeclineClass.HARD


def test_a_row_made_hard_stays_hard_whatever_the_bank_advises() -> None:
    rules = ruled("do_not_honor", **{"class": "hard"})
    decline = Decline("do_not_honor", "try_again_later")
    assert classify(decline, rules.table) is DeclineClass.HARD


def test_the_built_in_number_of_retries_goes_with_the_built_in_class() -> None:
    assert retry_limit(Decline("call_issuer"), ruled("call_issuer", **{"class": "soft_issuer"}).table) == 2
    assert retry_limit(Decline("call_issuer"), ruled("call_issuer", **{"class": "soft_funds"}).table) is None
    assert retry_limit(Decline("call_issuer"), ruled("call_issuer", **{"class": "needs_card"}).table) == 0


@pytest.mark.parametrize("spelling", ["15 in 30d", "10 in 24h", "2 in 40d", "1 in 1h", "3 in 36h"])
def test_a_budget_is_written_as_it_is_read(spelling: str) -> None:
    assert spelt(budget(spelling)) == spelling


def test_a_budget_written_otherwise_is_refused() -> None:
    with pytest.raises(ValueError, match="15 in 30d"):
        budget("15/30d")


@settings(max_examples=80, derandomize=True, deadline=None)
@given(
    network=st.sampled_from(NETWORKS),
    own=st.lists(
        st.tuples(st.integers(1, 20), st.integers(1, 60), st.sampled_from("hd")), min_size=1, max_size=4
    ),
    gaps=st.lists(st.integers(min_value=0, max_value=3000), max_size=50),
)
def test_no_budget_of_the_merchants_is_ever_exceeded(
    network: str, own: list[tuple[int, int, str]], gaps: list[int]
) -> None:
    document = {"budgets": {network: [f"{limit} in {span}{unit}" for limit, span, unit in own]}}
    assert sentences(document) == []
    held = load(document, 1).budgets
    times: list[datetime] = []
    now = NOW
    for gap in gaps:
        now = next_free(network, times, now + timedelta(minutes=gap), held)
        uses = budget_use(network, times, now, held)
        assert all(use.free_at is None and use.used < use.budget.limit for use in uses)
        times.append(now)
    for one in budgets(network, held):
        spans = zip(times, times[one.limit :], strict=False)
        assert all(late - early >= one.window for early, late in spans)
