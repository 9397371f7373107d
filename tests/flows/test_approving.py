"""A message that asks for approval waits, with its words, until a person has approved just these."""

from dataclasses import replace
from typing import Any

import pytest
from scenarios.stage import Stage
from sqlalchemy import select, update

from dunning.core.campaign import Campaign
from dunning.core.vocabulary import MessageState, Status
from dunning.flows import approving, campaigns, moving, staff
from dunning.flows.work import work_message
from dunning.store import messages, tables


def fails(stage: Stage) -> dict[str, Any]:
    """Return a customer whose recovery has a campaign that asks for approval at every step."""
    robin = stage.fails("lost_card")
    recovery = stage.recovery(robin)
    mine = (
        tables.campaigns.c.key == recovery.campaign_key,
        tables.campaigns.c.version == recovery.campaign_version,
    )
    with stage.house.store.write() as connection:
        found = Campaign.loads(
            connection.execute(select(tables.campaigns.c.definition).where(*mine)).scalar_one()
        )
        careful = replace(found, steps=tuple(replace(step, approval=True) for step in found.steps))
        connection.execute(update(tables.campaigns).where(*mine).values(definition=careful.dumps()))
    return robin


def waiting(stage: Stage) -> list[Any]:
    with stage.house.store.read() as connection:
        return list(messages.waiting(connection))


def test_it_waits_with_its_words_and_goes_out_once_somebody_approved_it(stage: Stage) -> None:
    robin = fails(stage)
    stage.pass_time(days=2)
    (row,) = waiting(stage)
    assert row["subject"]
    assert "/pay/" in row["body_text"]
    assert stage.mails.sent == []
    work_message(stage.house, row["id"])  # a stray bell changes nothing
    assert stage.mails.sent == []
    assert approving.approve(stage.house, row["id"], by="kim").done
    assert not approving.approve(stage.house, row["id"], by="kim").done
    stage.pass_time(days=1)
    assert [mail.subject for _, mail in stage.mails.sent] == [row["subject"]]
    assert stage.messages(robin)["first"] == "sent"


def test_words_that_changed_after_they_were_approved_wait_again(stage: Stage) -> None:
    robin = fails(stage)
    stage.pass_time(days=2)
    (row,) = waiting(stage)
    assert approving.approve(stage.house, row["id"], by="kim").done
    stage.credits(robin, 100)
    stage.pass_time(days=1)
    (again,) = waiting(stage)
    assert stage.mails.sent == []
    assert "words changed" in again["note"]
    assert again["body_text"] != row["body_text"]
    assert approving.approve(stage.house, row["id"], by="kim").done
    stage.pass_time(days=1)
    assert len(stage.mails.sent) == 1


def test_a_refused_message_never_goes_out_and_says_why(stage: Stage) -> None:
    robin = fails(stage)
    stage.pass_time(days=2)
    (row,) = waiting(stage)
    assert not approving.refuse(stage.house, row["id"], why="  ", by="kim").done
    assert approving.refuse(stage.house, row["id"], why="a good friend of ours", by="kim").done
    stage.pass_time(days=2)
    assert stage.mails.sent == []
    (kept,) = [one for one in stage.rows("messages", robin) if one["id"] == row["id"]]
    assert kept["state"] is MessageState.SKIPPED
    assert kept["note"] == "Not approved: a good friend of ours"


def test_a_message_that_waits_is_taken_back_when_the_recovery_ends(stage: Stage) -> None:
    robin = fails(stage)
    stage.pass_time(days=2)
    (row,) = waiting(stage)
    assert staff.stop(stage.house, stage.recovery(robin).id, by="kim").done
    assert waiting(stage) == []
    assert not approving.approve(stage.house, row["id"], by="kim").done
    stage.pass_time(days=2)
    assert stage.mails.sent == []


def test_approving_late_sends_nothing_about_an_invoice_that_was_paid(stage: Stage) -> None:
    robin = fails(stage)
    stage.pass_time(days=2)
    (row,) = waiting(stage)
    stage.hold_events = True  # dunning has not heard of it
    stage.pays_out_of_band(robin)
    assert approving.approve(stage.house, row["id"], by="kim").done
    stage.pass_time(days=1)
    assert stage.mails.sent == []
    stage.hold_events = False
    stage.receive(stage.held)
    stage.settle()
    assert stage.recovery(robin).status is Status.RECOVERED


@pytest.mark.parametrize(
    ("step", "then"),
    [("other", MessageState.SKIPPED), ("first", MessageState.PLANNED)],
    ids=["gone", "later"],
)
def test_a_message_that_waits_goes_along_with_a_recovery_that_is_moved(
    quick_stage: Stage, step: str, then: MessageState
) -> None:
    stage = quick_stage
    robin = fails(stage)
    stage.pass_time(days=1)
    (row,) = waiting(stage)
    text = (
        f'key = "ours"\nname = "Ours"\n[[steps]]\nkey = "{step}"\noffset = "3d"\ntemplate = "card_needed"\n'
    )
    assert campaigns.publish(stage.house, text, by="kim").changed
    assert moving.move(stage.house, stage.recovery(robin).id, "ours", by="kim").done
    assert waiting(stage) == []  # the old words are asked about no more
    assert not approving.approve(stage.house, row["id"], by="kim").done
    (kept,) = [one for one in stage.rows("messages", robin) if one["id"] == row["id"]]
    assert kept["state"] is then
    stage.pass_time(days=3)
    sent = [mail.subject for _, mail in stage.mails.sent]
    assert len(sent) == 1
    assert "new card" in sent[0]
