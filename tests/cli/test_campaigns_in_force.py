"""Campaigns from the command line: published, compared, chosen, moved, dated; hours, tasks and arms."""

import json
from pathlib import Path
from typing import Any

import pytest
from scenarios.stage import Stage
from sqlalchemy import select

from dunning.store import tables
from dunning.store.engine import Store


@pytest.fixture
def call(cli: Any, quick_stage: Stage) -> Any:
    """A command on the stage's database."""
    settings = quick_stage.house.settings
    given = {"DATABASE_URL": settings.database, "STRIPE_API_KEY": "sk_test_stage"}
    given |= {"STRIPE_API_BASE": quick_stage.url, "STRIPE_WEBHOOK_SECRET": "whsec_stage"}
    return lambda *arguments: cli(*arguments, **given)


def recovery_ids(store: Store) -> list[str]:
    with store.read() as connection:
        return list(connection.execute(select(tables.recoveries.c.id)).scalars())


def test_a_file_is_published_once_and_compared_with_what_was_before(call: Any, quick_stage: Stage) -> None:
    quick_stage.fails("lost_card")
    Path("mine.toml").write_text(call("campaign", "export", "standard").out, encoding="utf-8")
    assert call("campaign", "diff", "mine.toml").out == "There is no difference.\n"
    assert "Nothing changed: version 1" in call("campaign", "publish", "mine.toml").out
    text = Path("mine.toml").read_text(encoding="utf-8").replace('"4d"', '"5d"')
    Path("mine.toml").write_text(text, encoding="utf-8")
    assert '+offset = "5d"' in call("campaign", "diff", "mine.toml").out
    published = call("campaign", "publish", "mine.toml").out
    assert "Version 2 of standard is in force" in published
    assert "1 open recoveries stay on older versions" in published
    assert '-offset = "4d"' in call("campaign", "diff", "standard").out
    listed = json.loads(call("campaign", "list", "--json").out)["campaigns"]
    assert [(one["version"], one["open_recoveries"]) for one in listed] == [(2, 0), (1, 1)]
    (recovery_id,) = recovery_ids(quick_stage.house.store)
    assert "to standard version 2." in call("campaign", "move", recovery_id, "standard").out
    assert call("campaign", "move", recovery_id, "standard").code == 2
    nobody = call("campaign", "move", "rec_nobody", "standard")
    assert "There is no recovery rec_nobody:" in nobody.err
    assert call("campaign", "export", "nobody").code == 2


def test_a_broken_file_publishes_nothing_and_names_the_line(call: Any, quick_stage: Stage) -> None:
    Path("mine.toml").write_text('key = "mine"\n', encoding="utf-8")
    assert "mine.toml:1: name must be" in call("campaign", "publish", "mine.toml").complaint
    with quick_stage.house.store.read() as connection:
        assert connection.execute(select(tables.campaigns)).all() == []


def test_rules_and_ready_made_campaigns_go_into_force(call: Any) -> None:
    assert "# [[rule]]" in call("campaign", "choose").out
    assert "high_value: High value" in call("campaign", "ready-made").out
    assert "soft_decline" in call("campaign", "ready-made", "--publish").out
    assert "nothing new" in call("campaign", "ready-made", "--publish").out
    rules = call("campaign", "choose").out
    assert rules.startswith('[[rule]]\ncampaign = "manual_invoice"')
    Path("rules.toml").write_text(rules.replace("expired_card", "hard_decline", 1), encoding="utf-8")
    assert "Version 2 of the rules" in call("campaign", "choose", "rules.toml").out
    assert "one by one" in call("campaign", "ready-made", "--publish").complaint
    Path("rules.toml").write_text("[[rule]]\ncampaign = 'x'", encoding="utf-8")
    assert "Nothing was changed" in call("campaign", "choose", "rules.toml").complaint


def test_a_plan_names_the_retries_and_messages_of_a_customer_and_of_a_sample(
    call: Any, quick_stage: Stage
) -> None:
    robin = quick_stage.fails("insufficient_funds")
    told = json.loads(call("campaign", "plan", "--customer", robin["customer"], "--json").out)["plans"]
    (lines,) = told.values()
    assert {line["kind"] for line in lines} == {"retry", "message"}
    assert [line["due_at"] for line in lines] == sorted(line["due_at"] for line in lines)
    assert "no open recovery" in call("campaign", "plan", "--customer", "cus_nobody").complaint
    sample = call("campaign", "plan", "--failed", "2026-10-01T20:00:00Z", "--timezone", "Europe/Berlin").out
    assert "moved by quiet hours" in sample
    assert sample.count("retry") >= 3


def test_hours_and_caps_are_shown_set_and_refused_as_a_whole(call: Any) -> None:
    assert "At most 1 a day and 5 a week" in call("campaign", "hours").out
    changed = call("campaign", "hours", "--weekends", "off", "--holiday", "2026-12-25", "--a-week", "3").out
    assert "not on weekends; 1 holidays." in changed
    assert "two hours" in call("campaign", "hours", "--from", "19:00").complaint
    told = json.loads(call("campaign", "hours", "--no-holidays", "--json").out)
    assert (told["holidays"], told["a_week"], told["weekends"]) == ([], 3, False)


def test_tasks_are_listed_and_closed(call: Any, quick_stage: Stage) -> None:
    step = '[[steps]]\nkey = "a"\noffset = "6h"\nchannel = "call"\ntask = "Ring."'
    text = f'key = "standard"\nname = "Ours"\n{step}'
    Path("mine.toml").write_text(text, encoding="utf-8")
    call("campaign", "publish", "mine.toml")
    quick_stage.fails("lost_card")
    quick_stage.pass_time(hours=24)
    (task,) = json.loads(call("tasks", "list", "--json").out)["tasks"]
    assert (task["kind"], task["what"]) == ("call", "Ring.")
    assert call("tasks", "done", task["id"], "--note", "Nobody there").out == "The call was made.\n"
    assert "closed already" in call("tasks", "done", task["id"]).complaint
    assert "no task" in call("tasks", "done", "task_x").complaint
    assert "No campaign has arms" in call("report", "arms").out
