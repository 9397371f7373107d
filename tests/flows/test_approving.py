"""A message that asks for approval waits, with its words, until a person has approved just these."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from scenarios.stage import Stage

from dunning.core.campaign import BUILT_IN
from dunning.core.vocabulary import MessageState
from dunning.flows import approving, staff
from dunning.flows.work import work_message
from dunning.store import messages, rules


@pytest.fixture
def careful(stage: Stage) -> Stage:
    return under_approval(stage)


def under_approval(stage: Stage) -> Stage:
    """Publish the standard campaign with an approval on every step."""
    steps = tuple(replace(step, approval=True) for step in BUILT_IN.steps)
    with stage.house.store.write() as connection:
        rules.publish_campaign(
            connection, replace(BUILT_IN, version=2, steps=steps), at=stage.clock.now(), by="kim"
        )
    return stage


def waiting(stage: Stage) -> list[Any]:
    with stage.house.store.read() as connection:
        return list(messages.waiting(connection))


def test_it_waits_with_its_words_and_goes_out_once_somebody_approved_it(careful: Stage) -> None:
    robin = careful.fails("lost_card")
    careful.pass_time(days=2)
    (row,) = waiting(careful)
    assert row["subject"]
    assert "/pay/" in row["body_text"]
    assert careful.mails.sent == []
    work_message(careful.house, row["id"])  # a stray bell changes nothing
    assert careful.mails.sent == []
    assert approving.approve(careful.house, row["id"], by="kim").done
    assert not approving.approve(careful.house, row["id"], by="kim").done
    careful.pass_time(days=1)
    assert [mail.subject for _, mail in careful.mails.sent] == [row["subject"]]
    assert careful.messages(robin)["first"] == "sent"


def test_words_that_changed_after_they_were_approved_wait_again(careful: Stage) -> None:
    robin = careful.fails("lost_card")
    careful.pass_time(days=2)
    (row,) = waiting(careful)
    assert approving.approve(careful.house, row["id"], by="kim").done
    careful.credits(robin, 100)
    careful.pass_time(days=1)
    (again,) = waiting(careful)
    assert careful.mails.sent == []
    assert "words changed" in again["note"]
    assert again["body_text"] != row["body_text"]
    assert approving.approve(careful.house, row["id"], by="kim").done
    careful.pass_time(days=1)
    assert len(careful.mails.sent) == 1


def test_a_refused_message_never_goes_out_and_says_why(careful: Stage) -> None:
    robin = careful.fails("lost_card")
    careful.pass_time(days=2)
    (row,) = waiting(careful)
    assert not approving.refuse(careful.house, row["id"], why="  ", by="kim").done
    assert approving.refuse(careful.house, row["id"], why="a good friend of ours", by="kim").done
    careful.pass_time(days=2)
    assert careful.mails.sent == []
    (kept,) = [one for one in careful.rows("messages", robin) if one["id"] == row["id"]]
    assert kept["state"] is MessageState.SKIPPED
    assert kept["note"] == "Not approved: a good friend of ours"


def test_a_message_that_waits_is_taken_back_when_the_recovery_ends(careful: Stage) -> None:
    robin = careful.fails("lost_card")
    careful.pass_time(days=2)
    (row,) = waiting(careful)
    assert staff.stop(careful.house, careful.recovery(robin).id, by="kim").done
    assert waiting(careful) == []
    assert not approving.approve(careful.house, row["id"], by="kim").done
    careful.pass_time(days=2)
    assert careful.mails.sent == []


def test_approving_late_sends_nothing_about_an_invoice_that_was_paid(careful: Stage) -> None:
    careful.fails("lost_card")
    careful.pass_time(days=2)
    (row,) = waiting(careful)
    careful.hold_events = True
    assert row["awaits_since"] < careful.clock.now() - timedelta(hours=1)
    assert approving.approve(careful.house, row["id"], by="kim").done
