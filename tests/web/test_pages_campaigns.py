"""Campaigns, drafts, rules, hours and tasks as staff see and change them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select
from web.test_pages import Desk, sit_down

from dunning.core.campaign import BUILT_IN
from dunning.core.campaign_file import as_toml
from dunning.core.vocabulary import TaskKind, TaskState
from dunning.store import campaigns, sending, tables

HOURS = {
    "opening": "08:00",
    "closing": "19:00",
    "holidays": "2026-12-25",
    "a_day": "1",
    "a_week": "3",
    "a_recovery": "9",
}


@pytest.fixture
def desk(sqlite_url: str) -> Iterator[Desk]:
    found = sit_down(sqlite_url)
    yield found
    found.house.store.engine.dispose()


def test_ready_made_campaigns_are_offered_and_published_with_their_rules(desk: Desk) -> None:
    assert "Campaigns that come with dunning and are not" in desk.see("/campaigns")
    page = desk.press("/campaigns/-/ready-made")
    assert "8 campaigns are in force" in page
    assert "Ready-made campaigns" not in page
    assert "decline class needs_card or hard or fraud" in page
    steps = desk.see("/campaigns/high_value")
    assert "task for staff, recipient: staff" in steps
    assert "once staff have approved it" in steps
    assert "3d before the window ends" in steps
    desk.see("/campaigns/nobody", 404)
    desk.see("/campaigns/high_value?version=2", 404)


def test_a_draft_shows_its_mistakes_by_line_and_is_published_with_its_difference(desk: Desk) -> None:
    text = as_toml(BUILT_IN)
    page = desk.press("/campaigns/-/draft", text=text.replace('"4d"', '"soon"'), do="save")
    assert "The draft is saved; it is not in force." in page
    assert "steps[2].offset must be" in page
    answer = desk.browser.post(
        "/campaigns/-/draft", data={"text": text.replace('"4d"', '"soon"'), "do": "publish"}
    )
    assert answer.status_code == 422
    assert "Nothing was published" in answer.text
    page = desk.press("/campaigns/standard/draft", text=text.replace('"4d"', '"5d"'), do="publish")
    assert "Version 2 is in force" in page
    assert "open recoveries stay on older versions" in page
    assert '-offset = "4d"' in page
    assert "Drafts, not in force" not in desk.see("/campaigns")
    assert "Version 1" in desk.see("/campaigns/standard?version=1")


def test_a_draft_can_be_thrown_away(desk: Desk) -> None:
    desk.press("/campaigns/-/draft", text='key = "mine"', do="save")
    assert "Drafts, not in force" in desk.see("/campaigns")
    assert "The draft is gone." in desk.press("/campaigns/mine/draft", text="x", do="drop")
    desk.see("/campaigns/mine/draft", 404)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[rule]]\ncampaign = 'nobody'", "no campaign 'nobody' is published"),
        ("[[rule]]\ncampaign = 'standard'\n[rule.when]\ncountry = 'DE'", "Version 1 of the rules chooses"),
    ],
)
def test_rules_are_put_in_force_or_refused_with_a_sentence(desk: Desk, text: str, says: str) -> None:
    assert says in desk.press("/campaigns/-/rules", text=text)


def test_hours_and_caps_are_set_or_refused_as_a_whole(desk: Desk) -> None:
    assert "two hours or more" in desk.press("/campaigns/-/hours", **HOURS | {"closing": "09:00"})
    page = desk.press("/campaigns/-/hours", **HOURS)
    assert "between 08:00 and 19:00" in page
    assert "not go out on weekends" in page
    with desk.house.store.read() as connection:
        assert sending.current(connection).a_week == 3


def test_a_task_is_on_the_list_and_on_its_recovery_until_it_is_done(desk: Desk) -> None:
    recovery_id = desk.one("waiting")
    with desk.house.store.write() as connection:
        query = select(tables.messages.c.id).where(tables.messages.c.recovery_id == recovery_id).limit(1)
        message_id = connection.execute(query).scalar_one()
        row = {"id": "task_1", "account_id": "self", "livemode": False, "recovery_id": recovery_id}
        row |= {
            "message_id": message_id,
            "kind": TaskKind.CALL,
            "what": "Ring them up.",
            "state": TaskState.OPEN,
        }
        connection.execute(insert(tables.staff_tasks).values(**row, due_at=desk.house.clock.now()))
    assert "Ring them up." in desk.see("/tasks")
    assert "Ring them up." in desk.see(f"/recoveries/{recovery_id}")
    page = desk.press("/tasks/task_1", note="They pay on Friday", back=f"/recoveries/{recovery_id}")
    assert "The call was made. They pay on Friday" in page
    assert "closed already" in desk.press("/tasks/task_1")
    assert "They pay on Friday" in desk.see("/tasks")
    assert desk.browser.post("/tasks/task_2", data={}).status_code == 404


def test_a_recovery_shows_what_is_to_come_and_is_moved_on_purpose(desk: Desk) -> None:
    recovery_id = desk.one("scheduled")
    assert "If nobody pays: " in desk.see(f"/recoveries/{recovery_id}")
    desk.press("/campaigns/-/ready-made")
    page = desk.press(f"/recoveries/{recovery_id}/move", campaign="soft_decline")
    assert "Moved from standard version 1 to soft_decline version 1." in page
    with desk.house.store.read() as connection:
        assert campaigns.in_flight(connection)["soft_decline", 1] == 1
