"""Campaigns at work: chosen by rules, followed by retries, kept within hours and caps, moved on purpose."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from scenarios.stage import Stage
from sqlalchemy import select

from dunning.core.sending import Sending
from dunning.core.triage import Cause, Place
from dunning.core.vocabulary import MessageState, Status
from dunning.flows import campaigns, moving, preview, switches, tasks
from dunning.store import queue_items, tables
from dunning.store import tasks as task_store

HEAD = 'key = "{key}"\nname = "Ours"\n'
STEP = '\n[[steps]]\nkey = "{key}"\noffset = "{offset}"\n{more}\n'
NOTE = 'template = "payment_reminder"'


def campaign(key: str, *steps: tuple[str, str, str]) -> str:
    return HEAD.format(key=key) + "".join(STEP.format(key=k, offset=o, more=m) for k, o, m in steps)


def publish(stage: Stage, text: str) -> None:
    done = campaigns.publish(stage.house, text, by="test")
    assert done.campaign is not None, done.problems


def message(stage: Stage, ids: dict[str, Any], step: str) -> Any:
    return next(row for row in stage.rows("messages", ids) if row["step"] == step)


def open_tasks(stage: Stage) -> list[Any]:
    with stage.house.store.read() as connection:
        return list(task_store.listed(connection, livemode=False))


def test_the_first_rule_that_fits_chooses_the_campaign_and_a_recovery_keeps_its_version(stage: Stage) -> None:
    campaigns.publish_ready_made(stage.house, by="test")
    lost, funds = stage.fails("lost_card"), stage.fails("insufficient_funds")
    assert stage.recovery(lost).campaign_key == "hard_decline"
    assert stage.recovery(funds).campaign_key == "soft_decline"
    assert {row["channel"] for row in stage.rows("messages", lost)} == {"email", "in_app"}
    publish(stage, campaign("hard_decline", ("first", "1h", 'template = "card_needed"')))
    assert stage.recovery(lost).campaign_version == 1
    assert stage.recovery(stage.fails("lost_card")).campaign_version == 2
    known = stage.recovery(funds).known or {}
    assert known["decline_class"] == "soft_funds"
    assert known["interval"] == "month"
    assert known["tenure_days"] == 0


def test_steps_follow_each_failed_retry_and_announce_the_next(quick_stage: Stage) -> None:
    stage = quick_stage
    after = f'anchor = "after_retry"\n{NOTE}'
    before = f'anchor = "before_retry"\n{NOTE}'
    publish(stage, campaign("standard", ("soon", "12h", before), ("again", "1h", after)))
    robin = stage.fails("do_not_honor")
    first = stage.recovery(robin)
    assert first.next_attempt_at is not None
    soon = message(stage, robin, "soon")
    assert (soon["occurrence"], soon["before_at"]) == ("1", first.next_attempt_at)
    assert soon["due_at"] < first.next_attempt_at
    stage.skip_time(hours=24 * 14, hop=6)
    rows = stage.rows("messages", robin)
    tried = [row for row in stage.attempts(robin) if row.ordinal is not None]
    assert len(tried) >= 2
    assert {row["occurrence"] for row in rows if row["step"] == "again"} == {
        str(row.ordinal) for row in tried
    }
    for row in rows:
        if row["step"] == "soon" and row["state"] is MessageState.SENT:
            assert row["sent_at"] < row["before_at"]


def test_after_a_stop_of_two_days_only_the_newest_message_goes_out(stage: Stage) -> None:
    steps = [(f"s{hours}", f"{hours}h", NOTE) for hours in (6, 26, 30, 50)]
    steps.insert(2, ("banner", "27h", f'{NOTE}\nchannel = "in_app"'))
    publish(stage, campaign("standard", *steps))
    robin = stage.fails("lost_card")
    switches.pause_all(stage.house, "an incident", by="test")
    stage.skip_time(hours=54, hop=18)
    assert stage.mails.sent == []
    switches.resume_all(stage.house, by="test")
    stage.pass_time(hours=24)
    assert len(stage.mails.sent) == 1
    assert stage.messages(robin) == {
        "s6": "skipped", "s26": "skipped", "s30": "skipped", "s50": "sent", "banner": "sent",
    }  # fmt: skip
    assert "only the newest goes out" in message(stage, robin, "s6")["note"]


def test_a_newer_message_that_would_not_go_out_does_not_hold_back_an_older_one(quick_stage: Stage) -> None:
    stage = quick_stage
    publish(
        stage, campaign("standard", ("a", "6h", NOTE), ("b", "7h", f'{NOTE}\ncondition = "retry_can_help"'))
    )
    robin = stage.fails("lost_card")
    switches.pause_all(stage.house, "an incident", by="test")
    stage.skip_time(hours=24, hop=12)
    switches.resume_all(stage.house, by="test")
    stage.pass_time(hours=48)
    assert stage.messages(robin) == {"a": "sent", "b": "skipped"}


def test_messages_keep_to_the_merchants_days_and_say_what_moved_them(quick_stage: Stage) -> None:
    stage = quick_stage
    tuesday = datetime(2026, 1, 6, tzinfo=UTC).date()
    rules = Sending.loads({"weekends": False, "holidays": [tuesday.isoformat()], "a_recovery": 2})
    campaigns.set_sending(stage.house, rules, by="test")
    publish(stage, campaign("standard", ("a", "24h", NOTE), ("b", "5d", NOTE), ("c", "9d", NOTE)))
    robin = stage.fails("lost_card")  # on a Monday
    stage.skip_time(hours=24 * 13, hop=6)
    went = [at for at, _ in stage.mails.sent]
    assert [at.date().isoformat() for at in went] == ["2026-01-07", "2026-01-12"]
    assert message(stage, robin, "a")["moved"] == ["holiday"]
    assert message(stage, robin, "b")["moved"] == ["weekend"]
    assert message(stage, robin, "c")["note"] == "2 messages went out for this recovery: no more than 2 may."


def test_a_call_is_a_task_and_a_paid_recovery_closes_it(stage: Stage) -> None:
    call = 'channel = "call"\nrecipient = "staff"\ntask = "Ring them up."'
    publish(stage, campaign("standard", ("call", "6h", call)))
    robin = stage.fails("lost_card")
    assert open_tasks(stage) == []
    stage.pass_time(hours=24)
    (task,) = open_tasks(stage)
    assert (task["what"], task["recovery_id"]) == ("Ring them up.", stage.recovery(robin).id)
    stage.pays_out_of_band(robin)
    stage.settle()
    assert stage.recovery(robin).status is Status.RECOVERED
    assert open_tasks(stage) == []
    assert stage.rows("staff_tasks", robin)[0]["note"] == "The recovery is closed."


def test_a_call_to_make_needs_action_until_it_was_made(stage: Stage) -> None:
    call = 'channel = "call"\nrecipient = "staff"\ntask = "Ring them up."'
    publish(stage, campaign("standard", ("call", "6h", call)))
    recovery_id = stage.recovery(stage.fails("lost_card")).id
    stage.pass_time(hours=24)

    def line() -> Any:
        with stage.house.store.read() as connection:
            return queue_items.item(connection, recovery_id)

    assert (line()["place"], line()["cause"]) == (Place.NEEDS_ACTION, Cause.CALL)
    stage.pass_time(hours=60)  # silence does not hide what is to be done
    assert line()["cause"] is Cause.CALL
    assert tasks.finish(stage.house, open_tasks(stage)[0]["id"], by="kim").done
    assert (line()["place"], line()["cause"]) == (Place.WAITING, None)
    stage.pass_time(hours=73)
    assert line()["cause"] is Cause.SILENT


def test_a_recovery_is_moved_on_purpose_and_no_step_goes_out_twice(stage: Stage) -> None:
    robin = stage.fails("lost_card")
    stage.pass_time(hours=24)
    assert [step for step, state in stage.messages(robin).items() if state == "sent"] == ["first"]
    texts = (("first", "2h", NOTE), ("missed", "8h", NOTE), ("reminder", "2d", NOTE), ("late", "5d", NOTE))
    publish(stage, campaign("ours", *texts))
    recovery_id = stage.recovery(robin).id
    assert "no campaign nobody" in moving.move(stage.house, recovery_id, "nobody", by="kim").sentence
    answer = moving.move(stage.house, recovery_id, "ours", by="kim")
    assert answer.sentence == "Moved from standard version 1 to ours version 1."
    assert "already" in moving.move(stage.house, recovery_id, "ours", by="kim").sentence
    stage.skip_time(hours=24 * 8, hop=6)
    assert stage.messages(robin) == {
        "first": "sent", "reminder": "sent", "final": "skipped", "missed": "skipped", "late": "sent",
    }  # fmt: skip
    assert len(stage.mails.sent) == 3
    assert "before the recovery was moved" in message(stage, robin, "missed")["note"]
    assert answer.sentence in stage.sentences(robin)


def test_a_plan_shows_every_retry_and_message_to_come(stage: Stage) -> None:
    campaigns.publish_ready_made(stage.house, by="test")
    robin = stage.fails("insufficient_funds")
    recovery = stage.recovery(robin)
    coming = preview.coming(stage.house, recovery.id)
    assert [line.at for line in coming] == sorted(line.at for line in coming)
    retries = [line for line in coming if line.kind == "retry"]
    assert (retries[0].at, retries[0].sure) == (recovery.next_attempt_at, True)
    assert len(retries) > 2
    assert not any(line.sure for line in retries[1:])
    due = {row["step"]: row["due_at"] for row in stage.rows("messages", robin)}
    assert {line.step: line.at for line in coming if line.kind == "message"} == due
    stage.pays_out_of_band(robin)
    stage.settle()
    assert preview.coming(stage.house, recovery.id) == []


@pytest.mark.parametrize("arm", ["calls", "mails"])
def test_a_customer_keeps_the_arm_that_they_were_drawn_for(quick_stage: Stage, arm: str) -> None:
    stage = quick_stage
    arms = '\n[[arms]]\nkey = "calls"\nshare = "50%"\n[[arms]]\nkey = "mails"\nshare = "50%"\n'
    both = [("call", "6h", 'channel = "call"\ntask = "Ring."\narms = ["calls"]'), ("all", "4d", NOTE)]
    publish(stage, campaign("standard", *both) + arms)
    people = [stage.fails("lost_card") for _ in range(8)]
    mine = [ids for ids in people if stage.recovery(ids).campaign_arm == arm]
    assert 0 < len(mine) < 8
    wanted = {"call", "all"} if arm == "calls" else {"all"}
    assert all(set(stage.messages(ids)) == wanted for ids in mine)
    with stage.house.store.read() as connection:
        rows = connection.execute(select(tables.campaign_arms)).mappings().all()
    assert {row["customer_id"]: row["arm"] for row in rows} == {
        ids["customer"]: stage.recovery(ids).campaign_arm for ids in people
    }
    assert {row["probability"] for row in rows} == {"1/2"}


def test_a_text_with_a_problem_is_kept_as_a_draft_and_never_published(quick_stage: Stage) -> None:
    house = quick_stage.house
    broken = campaign("ours", ("a", "soon", NOTE))
    key, problems = campaigns.save_draft(house, broken, by="kim")
    assert (key, [one.line for one in problems]) == ("ours", [6])
    assert campaigns.publish(house, broken, by="kim").campaign is None
    good = broken.replace("soon", "6h")
    done = campaigns.publish(house, good, by="kim")
    assert done.campaign is not None
    assert (done.campaign.version, done.changed) == (1, True)
    assert not campaigns.publish(house, good, by="kim").changed
    again = campaigns.publish(house, good.replace("6h", "8h"), by="kim")
    assert [line for line in again.diff if line[0] in "+-"] == ['-offset = "6h"', '+offset = "8h"']


def test_an_imported_recovery_of_which_nobody_is_told_gets_no_steps_later(quick_stage: Stage) -> None:
    from dunning.flows import steps
    from dunning.store import recoveries

    stage = quick_stage
    publish(stage, campaign("standard", ("again", "1h", f'anchor = "before_retry"\n{NOTE}')))
    robin = stage.fails("insufficient_funds")
    recovery = stage.recovery(robin)
    with stage.house.store.write() as connection:
        connection.execute(tables.messages.delete().where(tables.messages.c.recovery_id == recovery.id))
        recoveries.change(connection, recovery.id, silenced_at=stage.clock.now() - timedelta(days=1))
        steps.follow_retries(connection, recovery.id, stage.clock.now())
    assert stage.rows("messages", robin) == []


def test_the_report_counts_a_moved_recovery_for_the_arm_that_it_opened_with(quick_stage: Stage) -> None:
    from dunning.flows.arms import compared

    stage = quick_stage
    arms = '\n[[arms]]\nkey = "a"\nshare = "50%"\n[[arms]]\nkey = "b"\nshare = "50%"\n'
    publish(stage, campaign("standard", ("all", "4d", NOTE)) + arms)
    publish(stage, campaign("other", ("all", "4d", NOTE)))
    people = [stage.fails("lost_card") for _ in range(4)]
    moving.move(stage.house, stage.recovery(people[0]).id, "other", by="kim")
    assert stage.recovery(people[0]).campaign_arm is None
    assert sum(one.invoices for one in compared(stage.house)[0].figures) == 0
    stage.skip_time(hours=24 * 15, hop=24)
    (found,) = compared(stage.house)
    assert sum(one.invoices for one in found.figures) == 4
    assert found.winner is None


def test_a_step_for_somebody_whose_address_is_not_known_never_reaches_the_customer(
    quick_stage: Stage,
) -> None:
    stage = quick_stage
    other = f'{NOTE}\nrecipient = "second_contact"'
    publish(
        stage,
        campaign(
            "standard", ("a", "6h", other), ("b", "7h", f'{NOTE}\nchannel = "sms"\nrecipient = "staff"')
        ),
    )
    robin = stage.fails("lost_card")
    stage.pass_time(hours=24)
    assert stage.mails.sent == []
    assert message(stage, robin, "a")["note"] == "The customer has no second contact with an email address."
    assert message(stage, robin, "b")["note"] == "Texts go to the customer alone, not to the staff."


def test_a_banner_and_a_webhook_wait_for_no_daytime_and_count_for_no_cap(quick_stage: Stage) -> None:
    stage = quick_stage
    banner = f'{NOTE}\nchannel = "in_app"'
    publish(
        stage, campaign("standard", ("banner", "0h", banner), ("again", "1h", banner), ("mail", "6h", NOTE))
    )
    robin = stage.fails("lost_card")  # at six in the morning
    assert message(stage, robin, "banner")["state"] is MessageState.SENT
    assert "payment" in message(stage, robin, "banner")["body_text"].lower()
    stage.pass_time(hours=9)
    assert stage.messages(robin) == {"banner": "sent", "again": "sent", "mail": "sent"}


def test_while_stripe_retries_the_plan_shows_its_next_try(watching_stage: Stage) -> None:
    stage = watching_stage
    robin = stage.fails("insufficient_funds")
    coming = preview.coming(stage.house, stage.recovery(robin).id)
    (theirs,) = [line for line in coming if line.kind == "retry"]
    assert theirs.note == "Stripe’s own next try."
    assert theirs.at > stage.clock.now()


def test_the_night_on_which_clocks_go_forward_sends_each_step_once_by_day(quick_stage: Stage) -> None:
    stage = quick_stage
    publish(stage, campaign("standard", ("a", "3h", NOTE), ("b", "14h", NOTE), ("c", "2d", NOTE)))
    stage.clock.advance_to(datetime(2026, 3, 28, 17, tzinfo=UTC))  # 18:00 in Berlin, the evening before
    robin = stage.fails("lost_card", country="DE")
    stage.pass_time(days=3)
    went = [at.isoformat() for at, _ in stage.mails.sent]
    assert went == ["2026-03-29T07:00:00+00:00", "2026-03-31T07:00:00+00:00"]  # nine o'clock in summer time
    assert stage.messages(robin) == {"a": "skipped", "b": "sent", "c": "sent"}  # a and b were due together
    moved = {row["step"]: row["moved"] for row in stage.rows("messages", robin)}
    assert moved == {"a": ["quiet_hours"], "b": [], "c": ["quiet_hours"]}
