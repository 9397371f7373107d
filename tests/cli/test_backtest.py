"""`dunning backtest` and `dunning holdout`: what they print, and what they refuse."""

import json
from typing import Any

import pytest
from flows.logged import keep_log, quiet_house


@pytest.fixture
def url(sqlite_url: str) -> str:
    with quiet_house(sqlite_url) as house:
        keep_log(house, 1200)
    return sqlite_url


def test_the_table_names_sources_and_the_json_says_the_same(cli: Any, url: str) -> None:
    ended = cli("backtest", DATABASE_URL=url)
    assert ended.code == 0, ended.err
    assert "randomised" in ended.out
    assert "a model's word" in ended.out
    told = json.loads(cli("backtest", "--json", DATABASE_URL=url).out)["policies"]
    assert [each["policy"] for each in told] == ["planner", "ladder", "1,3,5,7", "stripe-like", "stripe"]
    assert told[0]["invoices"]["doubly_robust"][1] < 0.5 < told[0]["invoices"]["doubly_robust"][2]
    assert told[3]["source"] == "model"


def test_a_file_of_ladders_is_read(cli: Any, url: str) -> None:
    from pathlib import Path

    Path("mine.toml").write_text('[[policy]]\nname = "weekly"\ndays = [1, 7, 13]\n', encoding="utf-8")
    told = json.loads(cli("backtest", "--policy", "mine.toml", "--json", DATABASE_URL=url).out)
    assert [each["policy"] for each in told["policies"]] == ["weekly"]


def test_a_policy_file_and_a_campaign_file_are_judged_by_who_opened_with_them(cli: Any, url: str) -> None:
    from pathlib import Path

    Path("ours.toml").write_text('[default]\nwindow = "14d"\n', encoding="utf-8")
    Path("brief.toml").write_text('[default]\nwindow = "5d"\nattempts_per_invoice = 2\n', encoding="utf-8")
    for name, key in (("mails.toml", "k"), ("else.toml", "other")):
        Path(name).write_text(f'key = "{key}"\nname = "Mails"\nsteps = []\n', encoding="utf-8")
    files = [word for name in ("ours", "brief", "mails", "else") for word in ("--policy", f"{name}.toml")]
    ended = cli("backtest", *files, "--json", DATABASE_URL=url)
    assert ended.code == 0, ended.err
    ours, brief, mails, other = json.loads(ended.out)["policies"]
    assert [each["policy"] for each in (ours, mails)] == ["ours", "campaign k"]
    for judged in (ours, mails):
        assert (judged["source"], judged["invoices"]["taken"]) == ("observed", 1200)
        assert 0.35 < judged["invoices"]["doubly_robust"][0] < 0.55
    for judged in (brief, other):
        assert (judged["source"], judged["invoices"]) == ("model", None)
        assert "No finished recovery went by" in judged["sentence"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sometimes", "is not known"),
        ("7,3,1", "ascend"),
        ("1,two", "ascend"),
        ("missing.toml", "cannot be read"),
        ("bad.toml", "is not TOML"),
        ("other.toml", "other keys than name and days"),
        ("empty.toml", "names no policies"),
        ("days.toml", "ascend"),
        ("rules.toml", "rules.toml:2: default.window must be"),
        ("keyless.toml", "campaign without a key"),
    ],
)
def test_what_is_no_policy_is_refused_with_the_cure(cli: Any, url: str, text: str, words: str) -> None:
    from pathlib import Path

    Path("bad.toml").write_text("[[policy", encoding="utf-8")
    Path("other.toml").write_text('[[policy]]\nname = "x"\nhours = [1]\n', encoding="utf-8")
    Path("empty.toml").write_text("", encoding="utf-8")
    Path("days.toml").write_text('[[policy]]\nname = "x"\ndays = ["soon"]\n', encoding="utf-8")
    Path("rules.toml").write_text("[default]\nwindow = 5\n", encoding="utf-8")
    Path("keyless.toml").write_text('name = "x"\nsteps = []\n', encoding="utf-8")
    ended = cli("backtest", "--policy", text, DATABASE_URL=url)
    assert ended.code == 2
    assert words in ended.complaint


def test_the_holdout_is_shown_set_and_refused(cli: Any, url: str) -> None:
    nothing = {"retries": "0%", "messages": "0%"}
    assert json.loads(cli("holdout", "--json", DATABASE_URL=url).out) == nothing
    set_to = cli("holdout", "--retries", "10%", "--json", DATABASE_URL=url)
    assert json.loads(set_to.out) == {"retries": "10%", "messages": "0%"}
    assert "10% of the customers keep the plain ladder" in cli("holdout", DATABASE_URL=url).out
    refused = cli("holdout", "--retries", "5%", "--messages", "80", DATABASE_URL=url)
    assert refused.code == 2
    assert "such as 10%" in refused.complaint
    assert json.loads(cli("holdout", "--json", DATABASE_URL=url).out)["retries"] == "10%"
