"""What happens to a recovery reaches those who listen: at least once, signed, and never in the way."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fake_http import Fake, Reply, fake_http
from flows.outside import open_to, told
from flows.stopping import steps
from scenarios.stage import Stage
from sqlalchemy import event, func, select

from dunning.core.announcement import TellingState
from dunning.core.changes import StaffStopped
from dunning.errors import Unusable
from dunning.flows import alarming, delivering, listening, safety, staff, switches
from dunning.flows.attempting import hold
from dunning.flows.steer import steer
from dunning.flows.work import work_announcement, work_chore
from dunning.store import announcements, gauges, listeners, tables


@pytest.fixture
def fake() -> Iterator[Fake]:
    with fake_http() as made:
        yield made


def add(stage: Stage, fake: Fake, target: str = "", **more: Any) -> str:
    open_to(stage, fake)
    return listening.add(stage.house, target or f"{fake.url}/in", by="test", **more).id


def states(stage: Stage, listener_id: str) -> list[TellingState]:
    with stage.house.store.read() as connection:
        return [row.state for row in reversed(announcements.recent(connection, listener_id, 100))]


def count(stage: Stage) -> int:
    with stage.house.store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(tables.announcements)).scalar_one())


def test_a_recovery_is_told_from_its_opening_to_its_end_and_every_telling_verifies(
    stage: Stage, fake: Fake
) -> None:
    webhook = add(stage, fake)
    robin = stage.fails("insufficient_funds")
    stage.pass_time(days=1)
    stage.pays_out_of_band(robin)
    stage.settle()
    heard = told(stage, fake, webhook)
    types = [one["type"] for one in heard]
    assert types[0] == "recovery.opened"
    assert "message.sent" in types
    assert types[-1] == "recovery.recovered"
    assert len({one["webhook-id"] for one in heard}) == len(heard)
    last = heard[-1]["data"]["recovery"]
    recovery = stage.recovery(robin)
    assert (last["id"], last["invoice"], last["customer"]) == (
        recovery.id,
        robin["invoice"],
        robin["customer"],
    )
    assert (last["status"], last["reason"], last["amount"]) == ("recovered", "out_of_band", recovery.amount)
    assert set(states(stage, webhook)) == {TellingState.TOLD}


def test_every_answer_of_the_bank_is_told_with_whose_attempt_it_was(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    webhook = add(stage, fake, topics=["attempt.declined", "attempt.succeeded"])
    robin = stage.fails("insufficient_funds", clears_after_hours=100)
    stage.pass_time(days=13)
    heard = [(one["type"], one["data"]["attempt"]["made_by"]) for one in told(stage, fake, webhook)]
    ours = [row for row in stage.attempts(robin) if row.ordinal is not None]
    assert len(heard) == len(ours) > 0
    assert {who for _, who in heard} == {"dunning"}
    assert heard[-1][0] == "attempt.succeeded"


def test_what_is_told_names_nobody(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    webhook = add(stage, fake)
    robin = stage.fails("lost_card")
    stage.pass_time(days=2)
    customer = stage.sandbox.world.tables["customers"][robin["customer"]]
    assert told(stage, fake, webhook) != []
    for got in fake.got:
        assert customer["email"].encode() not in got.body
        assert customer["name"].encode() not in got.body


def test_without_a_listener_nothing_is_written(quick_stage: Stage) -> None:
    quick_stage.fails("insufficient_funds")
    quick_stage.pass_time(days=1)
    assert count(quick_stage) == 0


def test_a_change_that_is_undone_is_not_told(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    add(stage, fake)
    recovery_id = stage.recovery(stage.fails("insufficient_funds")).id
    before = count(stage)
    with stage.house.store.engine.connect() as connection:
        recovery = hold(connection, recovery_id)
        assert recovery is not None
        steer(connection, stage.house, recovery, StaffStopped(), now=stage.clock.now())
        connection.rollback()
    assert count(stage) == before
    assert stage.recovery({"invoice": recovery.invoice_id}).closed_at is None


def test_a_receiver_that_is_away_is_told_later_under_the_same_id_with_the_same_body(
    stage: Stage, fake: Fake
) -> None:
    webhook = add(stage, fake, topics=["recovery.opened"])
    fake.answer = lambda _got: Reply(503 if len(fake.got) < 4 else 200)
    stage.fails("insufficient_funds")
    stage.pass_time(hours=3)
    assert len(fake.got) == 4
    assert len({got.headers["webhook-id"] for got in fake.got}) == 1
    assert len({got.body for got in fake.got}) == 1
    assert len({got.headers["webhook-signature"] for got in fake.got}) > 1
    assert states(stage, webhook) == [TellingState.TOLD]


@pytest.mark.parametrize("done", [1, 2])
def test_a_teller_that_died_is_taken_up_and_the_webhook_told_again(
    quick_stage: Stage, fake: Fake, done: int
) -> None:
    stage = quick_stage
    webhook = add(stage, fake, topics=["recovery.stopped"])
    robin = stage.fails("insufficient_funds")
    staff.stop(stage.house, stage.recovery(robin).id, by="test")
    with stage.house.store.read() as connection:
        (row,) = announcements.recent(connection, webhook, 9)
    for step in steps(delivering.deliver(stage.house, row.id))[:done]:
        step()
    stage.pass_time(minutes=5)
    assert len(fake.got) == done
    assert len({got.headers["webhook-id"] for got in fake.got}) == 1
    assert states(stage, webhook) == [TellingState.TOLD]


@pytest.mark.parametrize(("done", "posts"), [(1, 0), (2, 1)])
def test_an_alert_whose_teller_died_is_unknown_and_never_repeated(
    quick_stage: Stage, fake: Fake, done: int, posts: int
) -> None:
    stage = quick_stage
    slack = add(stage, fake, "slack", topics=["recovery.stopped"])
    robin = stage.fails("insufficient_funds")
    staff.stop(stage.house, stage.recovery(robin).id, by="test")
    with stage.house.store.read() as connection:
        (row,) = announcements.recent(connection, slack, 9)
    for step in steps(delivering.deliver(stage.house, row.id))[:done]:
        step()
    stage.pass_time(days=1)
    assert len(fake.got) == posts
    assert states(stage, slack) == [TellingState.UNKNOWN]


def test_three_days_of_failure_switch_a_webhook_off_others_hear_of_it_and_a_test_switches_it_on(
    stage: Stage, fake: Fake
) -> None:
    webhook = add(stage, fake, topics=["recovery.opened", "recovery.recovered"])
    slack = listening.add(stage.house, "slack", by="test", topics=["listener.off"]).id
    fake.answer = lambda got: Reply(500 if got.path == "/in" else 200)
    robin = stage.fails("insufficient_funds")
    stage.pass_time(days=4)
    assert [row.state for row in listening.deliveries(stage.house, webhook)].count(TellingState.DEAD) == 1
    with stage.house.store.read() as connection:
        off = listeners.by_id(connection, webhook)
    assert off is not None
    assert off.off_at is not None
    assert "500" in (off.off_why or "")
    alerts = [got.json["text"] for got in fake.got if got.path == "/slack"]
    assert len(alerts) == 1
    assert f"dunning webhook test {webhook}" in alerts[0]
    assert states(stage, slack) == [TellingState.TOLD]
    stage.pays_out_of_band(robin)
    stage.settle()
    fake.answer = lambda _got: Reply()
    assert listening.try_out(stage.house, webhook, by="test").state is TellingState.TOLD
    assert listening.redeliver(stage.house, webhook, by="test") == 1
    stage.settle()
    assert states(stage, webhook).count(TellingState.DEAD) == 0


def test_an_endpoint_that_is_gone_is_switched_off_at_once(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    webhook = add(stage, fake)
    fake.answer = lambda _got: Reply(410)
    stage.fails("insufficient_funds")
    with stage.house.store.read() as connection:
        found = listeners.by_id(connection, webhook)
        assert found is not None
        (alarm,) = safety.alarms(connection, stage.clock.now())
        assert gauges.read_gauges(connection, stage.clock.now()).listeners_off == 1
    assert found.off_why == "It answered 410 Gone."
    assert "is told nothing any more: It answered 410 Gone." in alarm
    stage.pass_time(days=2)
    assert len({got.headers["webhook-id"] for got in fake.got}) == len(fake.got) == 1


def test_alerts_that_come_close_together_go_in_one(stage: Stage, fake: Fake) -> None:
    slack = add(stage, fake, "slack", topics=["recovery.stopped"])
    every = [stage.fails("insufficient_funds", email=f"a{n}@example.com") for n in range(5)]
    staff.stop(stage.house, stage.recovery(every[0]).id, by="test")
    stage.settle()
    for ids in every[1:]:
        staff.stop(stage.house, stage.recovery(ids).id, by="test")
        stage.pass_time(minutes=1)
    stage.pass_time(minutes=30)
    assert [len(got.json["text"].splitlines()) for got in fake.got] == [1, 4]
    assert set(states(stage, slack)) == {TellingState.TOLD}


def test_only_large_recoveries_that_are_lost_alarm_whoever_asked_for_that(
    quick_stage: Stage, fake: Fake
) -> None:
    stage = quick_stage
    add(
        stage, fake, "slack", topics=["recovery.stopped"], at_least={"usd": 10**9, "gbp": 10**9, "eur": 10**9}
    )
    robin = stage.fails("insufficient_funds")
    staff.stop(stage.house, stage.recovery(robin).id, by="test")
    stage.pass_time(minutes=1)
    assert fake.got == []


def test_the_kill_switch_is_told_by_mail_with_its_reason(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    add(stage, fake, "mailto:ops@juniper.example")
    switches.pause_all(stage.house, "wrong price", by="Sam")
    stage.settle()
    ((_, mail),) = stage.mails.sent
    assert mail.recipient == "ops@juniper.example"
    assert mail.subject == "Everything is paused: wrong price"
    switches.resume_all(stage.house, by="Sam")
    stage.pass_time(minutes=11)
    assert len(stage.mails.sent) == 2


def test_the_help_desk_gets_one_ticket_and_hears_of_the_end(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    desk = add(stage, fake, "zendesk", topics=["recovery.opened", "recovery.recovered"])
    tickets: list[dict[str, Any]] = []

    def answer(got: Any) -> Reply:
        if got.method == "POST":
            tickets.append(got.json["ticket"] | {"id": 1, "status": "new"})
        found = [{"id": 1, "status": "new"}] if tickets and got.method == "GET" else []
        return Reply(200, {"tickets": found, "ticket": {"id": 1}})

    fake.answer = answer
    robin = stage.fails("insufficient_funds")
    stage.settle()
    stage.pays_out_of_band(robin)
    stage.settle()
    assert len(tickets) == 1
    assert (
        tickets[0]["requester"]["email"]
        == stage.sandbox.world.tables["customers"][robin["customer"]]["email"]
    )
    assert fake.got[-1].json["ticket"]["status"] == "solved"
    assert states(stage, desk) == [TellingState.TOLD] * 2


def test_the_secret_is_rotated_without_a_gap(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    webhook = add(stage, fake)
    (old,) = listening.secrets(stage.house, webhook)
    new, also = listening.secrets(stage.house, webhook, rotated_by="ana")
    assert also == old != new
    stage.fails("insufficient_funds")
    assert len(fake.got[0].headers["webhook-signature"].split()) == 2
    assert told(stage, fake, webhook) != []
    stage.clock.advance_to(stage.clock.now() + timedelta(hours=25))
    assert listening.secrets(stage.house, webhook) == [new]


def test_what_was_removed_hears_no_more(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    webhook = add(stage, fake)
    stage.fails("insufficient_funds")
    before = len(fake.got)
    listening.remove(stage.house, webhook, by="ana")
    stage.fails("insufficient_funds", email="b@example.com")
    stage.pass_time(days=1)
    assert len(fake.got) == before
    with pytest.raises(Unusable, match="no listener"):
        listening.deliveries(stage.house, webhook)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("https://127.0.0.1/x", "network of one's own"),
        ("https://localhost/x", "network of one's own"),
        ("http://hooks.example/x", "https"),
        ("mailto:nobody", "no mail address"),
        ("slack", "DUNNING_SLACK_URL"),
        ("zendesk", "DUNNING_ZENDESK_URL"),
    ],
)
def test_a_listener_that_cannot_be_told_is_refused(quick_stage: Stage, target: str, said: str) -> None:
    with pytest.raises(Unusable, match=said):
        listening.add(quick_stage.house, target, by="test")


def test_a_listener_is_added_once_and_with_known_topics(quick_stage: Stage, fake: Fake) -> None:
    add(quick_stage, fake)
    with pytest.raises(Unusable, match="listens already"):
        listening.add(quick_stage.house, f"{fake.url}/in", by="test")
    with pytest.raises(Unusable, match="no topic recovery"):
        listening.add(quick_stage.house, f"{fake.url}/two", by="test", topics=["recovery.lots"])


def test_two_tellers_at_once_tell_once(stage: Stage, fake: Fake) -> None:
    webhook = add(stage, fake, topics=["recovery.stopped"])
    robin = stage.fails("insufficient_funds")
    staff.stop(stage.house, stage.recovery(robin).id, by="test")
    with stage.house.store.read() as connection:
        (row,) = announcements.recent(connection, webhook, 9)
    claim, tell, record = steps(delivering.deliver(stage.house, row.id))
    claim()
    work_announcement(stage.house, row.id)  # another worker hears the same bell
    assert fake.got == []
    tell()
    record()
    work_announcement(stage.house, row.id)
    assert len(fake.got) == 1


def test_old_announcements_are_forgotten(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    add(stage, fake, topics=["recovery.stopped"])
    staff.stop(stage.house, stage.recovery(stage.fails("insufficient_funds")).id, by="test")
    stage.settle()
    assert listening.forget_old(stage.house) == 0
    stage.clock.advance_to(stage.clock.now() + timedelta(days=31))
    assert listening.forget_old(stage.house) == 1


def test_what_the_doctor_finds_broken_is_an_alarm_once_a_day(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    assert alarming.look(stage.house) == 0  # nobody listens
    add(stage, fake, "slack", topics=["house.alarm"])
    stage.house = replace(
        stage.house, settings=stage.house.settings.model_copy(update={"stripe_webhook_secret": None})
    )
    for hours in (0, 1, 1):
        stage.clock.advance_to(stage.clock.now() + timedelta(hours=hours))
        work_chore(stage.house, "alarm")
        stage.settle()
    (first,) = fake.got
    assert "webhook secret: STRIPE_WEBHOOK_SECRET is missing" in first.json["text"]
    stage.clock.advance_to(stage.clock.now() + timedelta(days=1))
    work_chore(stage.house, "alarm")
    stage.settle()
    assert len(fake.got) == 2


def test_one_change_costs_one_insert_however_many_listen(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    add(stage, fake)
    listening.add(stage.house, f"{fake.url}/two", by="test")
    recovery_id = stage.recovery(stage.fails("insufficient_funds")).id
    asked: list[str] = []
    engine = stage.house.store.engine
    event.listen(engine, "before_cursor_execute", lambda _c, _u, text, *_: asked.append(text))
    staff.stop(stage.house, recovery_id, by="test")
    assert len([text for text in asked if "INTO announcements" in text]) == 1
    stage.settle()
    assert {got.path for got in fake.got} == {"/in", "/two"}
