"""dunning declines: the table, and card rules as files."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browser.house import furnish
from sqlalchemy import select, update

from dunning.flows import card_rules
from dunning.flows.house import House
from dunning.store import tables

GOOD = '[declines.do_not_honor]\nclass = "soft_funds"\nretries = 3\n\n[budgets]\nvisa = ["20 in 30d"]\n'
BAD = GOOD.replace("soft_funds", "softly").replace("20 in 30d", "20")
Run = Callable[..., Any]


@pytest.fixture
def house(sqlite_url: str) -> Iterator[House]:
    made, _ = furnish(sqlite_url)
    yield made
    made.store.engine.dispose()


@pytest.fixture
def run(cli: Any, house: House, sqlite_url: str) -> Run:
    return lambda *words: cli("declines", *words, DATABASE_URL=sqlite_url)


def test_the_list_shows_every_code_with_its_class_and_source(run: Run) -> None:
    told = json.loads(run("list", "--json").out)
    assert told["version"] == 0
    assert len(told["declines"]) >= 73
    rows = {row["code"]: row for row in told["declines"]}
    assert (rows["lost_card"]["class"], rows["lost_card"]["final"]) == ("hard", True)
    assert all(row["source"] and row["action"] for row in told["declines"])
    assert {row["network"] for row in told["advice"]} == {"any", "mastercard", "visa"}
    assert all(row["source"] and row["action"] for row in told["advice"])
    assert told["budgets"]["mastercard"] == "10 in 24h, 35 in 30d"
    people = run("list").out
    assert "Card rules version 0 (built in)" in people
    assert "never try this card again" in people


def test_the_list_ends_with_the_codes_that_nobody_has_described(run: Run, house: House) -> None:
    with house.store.write() as connection:
        ids = connection.execute(select(tables.attempts.c.id)).scalars().all()[:2]
        chosen = update(tables.attempts).where(tables.attempts.c.id.in_(ids))
        connection.execute(chosen.values(state="declined", decline_code="martian_bank"))
    told = json.loads(run("list", "--json").out)["undescribed"]
    assert told == [{"field": "decline_code", "code": "martian_bank", "count": 2}]
    assert run("list").out.splitlines()[-1].split() == ["decline_code", "martian_bank", "2"]


def test_a_file_is_checked_published_and_exported(run: Run, house: House) -> None:
    Path("rules.toml").write_text(GOOD, encoding="utf-8")
    assert run("validate", "rules.toml").out == "rules.toml can be published.\n"
    assert json.loads(run("publish", "rules.toml", "--json").out) == {
        "published": True,
        "version": 1,
        "problems": [],
    }
    assert card_rules.in_force(house).table.overridden == {"do_not_honor"}
    assert "says the same" in run("publish", "rules.toml").out
    exported = run("export").out
    Path("again.toml").write_text(exported, encoding="utf-8")
    assert "says the same" in run("publish", "again.toml").out
    assert run("export", "-o", "mine.toml").code == 0
    assert Path("mine.toml").read_text(encoding="utf-8") == exported
    assert "do_not_honor" not in run("export", "--version", "0").out


def test_a_bad_file_is_told_line_by_line_and_nothing_is_published(run: Run, house: House) -> None:
    Path("rules.toml").write_text(BAD, encoding="utf-8")
    for command in ("validate", "publish"):
        ended = run(command, "rules.toml")
        assert ended.code == 1
        first, second = ended.out.splitlines()
        assert first.startswith("rules.toml:2: declines.do_not_honor.class must be one of soft_funds, ")
        assert second.startswith("rules.toml:6: budgets.visa has '20'")
        told = json.loads(run(command, "rules.toml", "--json").out)
        assert [(one["line"], one["field"]) for one in told["problems"]] == [
            (2, "declines.do_not_honor.class"),
            (6, "budgets.visa"),
        ]
    assert card_rules.in_force(house).version == 0


def test_a_version_that_is_not_published_cannot_be_exported(run: Run) -> None:
    ended = run("export", "--version", "7")
    assert ended.code == 2
    assert "not published yet" in ended.complaint


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_one_sentence(run: Run, content: bytes | None) -> None:
    if content is not None:
        Path("rules.toml").write_bytes(content)
    ended = run("publish", "rules.toml")
    assert ended.code == 2
    assert "rules.toml" in ended.complaint


def test_why_shows_the_budget_of_the_next_card(cli: Any, house: House, sqlite_url: str) -> None:
    with house.store.write() as connection:
        found = connection.execute(select(tables.recoveries.c.id, tables.recoveries.c.card_id)).all()
        recovery_id, card_id = next(row for row in found if row.card_id)
        card = update(tables.cards).where(tables.cards.c.id == card_id)
        connection.execute(card.values(fingerprint="fp_new", brand="mastercard"))
    out = cli("recoveries", "show", recovery_id, "--why", DATABASE_URL=sqlite_url).out
    assert "Tries on this card (mastercard): 0 of 10 in 24h." in out
    assert "Tries on this card (mastercard): 0 of 35 in 30d." in out
