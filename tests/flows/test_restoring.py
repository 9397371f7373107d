"""A database that was restored, or slept, charges nothing and mails nobody before it knows what it missed."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flows.restoring import back_up, come_back, copy_file, in_safe_mode, live, put_back, tick
from scenarios.link import press, save_card
from scenarios.stage import Stage
from sqlalchemy import select

from dunning.core.vocabulary import Status
from dunning.errors import Unreachable, Unusable
from dunning.flows import campaigns, doctor_charges, remembering, safety
from dunning.store import audit, beats, copies, tables

HELD = "It may have gone out before the database was restored: it is not sent again."


def network(stage: Stage) -> list[dict[str, Any]]:
    """Return every charge that the network has seen, from the sandbox's own books."""
    return [dict(line) for line in stage.sandbox.books() if line["kind"] in {"charge", "settlement"}]


def mailed(stage: Stage) -> Counter[tuple[str, str, str]]:
    """Return how often each text was mailed to each address, links left out."""
    return Counter((one.recipient, one.subject, one.about.get("template", "")) for _, one in stage.mails.sent)


def paid(stage: Stage) -> Counter[str]:
    """Return how often each invoice was paid by a charge."""
    return Counter(line["invoice"] for line in network(stage) if line["outcome"] == "paid")


def done(stage: Stage) -> tuple[int, int]:
    ours = [line for line in network(stage) if line["made_by"] == "dunning"]
    return len(ours), len(stage.mails.sent)


def entries(stage: Stage) -> list[str]:
    with stage.house.store.read() as connection:
        query = select(tables.audit_log.c.action).order_by(tables.audit_log.c.seq)
        found = connection.execute(query).scalars().all()
        assert audit.broken(connection) is None
    return [action for action in found if action.startswith("safe_mode")]


def alarms(stage: Stage) -> list[str]:
    with stage.house.store.read() as connection:
        return safety.alarms(connection, stage.clock.now())


def declined_keys(stage: Stage) -> set[str]:
    """Return the keys of our charges that the network refused."""
    ours = [line for line in network(stage) if line["made_by"] == "dunning"]
    return {line["idempotency_key"] for line in ours if line["outcome"] == "declined"}


def kept_keys(stage: Stage) -> set[str]:
    """Return the keys of our attempts that were refused, as far as our database knows."""
    ours = tables.attempts.c
    with stage.house.store.read() as connection:
        query = select(ours.idempotency_key).where(ours.state == "declined", ours.ordinal.is_not(None))
        return set(connection.execute(query).scalars())


def a_town(stage: Stage) -> list[dict[str, Any]]:
    """Customers whose payment fails now, some to be recovered later."""
    hours = (30, 60, 90, None)
    return [stage.fails("insufficient_funds", clears_after_hours=one) for one in hours]


def test_after_a_restore_nothing_is_charged_or_mailed_twice(stage: Stage, tmp_path: Path) -> None:
    tick(stage)
    town = a_town(stage)
    live(stage, hours=2)
    back_up(stage, tmp_path / "backup")
    later = [stage.fails("insufficient_funds", clears_after_hours=one) for one in (20, 200)]
    live(stage, hours=80)
    charges, mails = done(stage)
    assert charges > 4
    assert mails > 4
    assert paid(stage)
    put_back(stage, tmp_path / "backup")
    stage.pass_time(minutes=20)  # workers are there before any clock
    assert done(stage) == (charges, mails)
    come_back(stage)
    assert entries(stage) == ["safe_mode.begin", "safe_mode.end"]
    assert done(stage) == (charges, mails)
    assert declined_keys(stage) == kept_keys(stage)
    live(stage, hours=24 * 16)
    assert done(stage)[0] > charges
    assert set(paid(stage).values()) == {1}
    assert max(mailed(stage).values()) == 1, mailed(stage).most_common(3)
    keys = Counter(line["idempotency_key"] for line in network(stage) if line["made_by"] == "dunning")
    assert set(keys.values()) == {1}
    for ids in (*town, *later):
        state = stage.recovery(ids).status
        assert (state is Status.RECOVERED) == (stage.invoice(ids)["status"] == "paid")


def test_a_house_that_lives_on_never_comes_into_safe_mode(stage: Stage) -> None:
    a_town(stage)
    live(stage, hours=30)
    assert entries(stage) == []
    assert not in_safe_mode(stage)


def test_safe_mode_says_so_everywhere_and_ends_by_itself(stage: Stage, tmp_path: Path) -> None:
    tick(stage)
    stage.fails("insufficient_funds")
    back_up(stage, tmp_path / "backup")
    live(stage, hours=3)
    put_back(stage, tmp_path / "backup")
    assert any("Start a clock" in said for said in alarms(stage))
    remembering.beat(stage.house)
    (said,) = (said for said in alarms(stage) if "Nothing is charged" in said)
    assert "ends by itself" in said
    found = doctor_charges.examine_charges(stage.house.store, stage.clock)
    assert any(one.mark == "bad" and "nobody is written to" in one.sentence for one in found)
    come_back(stage)
    assert alarms(stage) == []
    assert entries(stage) == ["safe_mode.begin", "safe_mode.end"]


def test_while_stripe_cannot_be_read_safe_mode_stays_and_says_why(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick(stage)
    back_up(stage, tmp_path / "backup")
    put_back(stage, tmp_path / "backup")

    def away(*_: Any, **__: Any) -> None:
        raise Unreachable("no route to host")

    with monkeypatch.context() as broken:
        broken.setattr(remembering, "reconcile_all", away)
        for _ in range(5):
            tick(stage)
            stage.pass_time(minutes=1)
    assert in_safe_mode(stage)
    assert any("no route to host" in said for said in alarms(stage))
    come_back(stage)


def test_what_was_due_in_the_forgotten_time_is_shown_and_not_sent(stage: Stage, tmp_path: Path) -> None:
    tick(stage)
    robin = stage.fails("lost_card")
    back_up(stage, tmp_path / "backup")
    first = next(row for row in stage.rows("messages", robin) if row["step"] == "first")
    live(stage, hours=24)
    assert stage.messages(robin)["first"] == "sent"
    put_back(stage, tmp_path / "backup")
    come_back(stage)
    notes = {row["step"]: row["note"] for row in stage.rows("messages", robin)}
    assert stage.messages(robin)["first"] == "skipped"
    assert notes["first"] == HELD
    assert first["due_at"] < stage.clock.now()
    live(stage, hours=24 * 8)
    assert len(stage.mails.sent) > 1
    assert max(mailed(stage).values()) == 1


def test_a_charge_that_only_stripe_remembers_counts_as_ours_again(stage: Stage, tmp_path: Path) -> None:
    tick(stage)
    robin = stage.fails("insufficient_funds")
    back_up(stage, tmp_path / "backup")
    live(stage, hours=24 * 9)
    before = [(row.ordinal, row.state, row.idempotency_key) for row in stage.attempts(robin)]
    assert sum(ordinal is not None for ordinal, _, _ in before) > 1
    put_back(stage, tmp_path / "backup")
    come_back(stage)
    assert [(row.ordinal, row.state, row.idempotency_key) for row in stage.attempts(robin)] == before


def test_messages_that_followed_retries_of_the_forgotten_time_are_not_sent_again(
    quick_stage: Stage, tmp_path: Path
) -> None:
    stage = quick_stage
    step = (
        '\n[[steps]]\nkey = "again"\noffset = "1h"\nanchor = "after_retry"\ntemplate = "payment_reminder"\n'
    )
    assert campaigns.publish(stage.house, f'key = "standard"\nname = "Ours"\n{step}', by="test").campaign
    tick(stage)
    robin = stage.fails("do_not_honor")
    back_up(stage, tmp_path / "backup")
    live(stage, hours=24 * 6)
    sent = [row["occurrence"] for row in stage.rows("messages", robin) if row["state"] == "sent"]
    assert sent
    put_back(stage, tmp_path / "backup")
    come_back(stage)
    again = {row["occurrence"]: row["note"] for row in stage.rows("messages", robin)}
    assert {again[occurrence] for occurrence in sent} == {HELD}
    mails = len(stage.mails.sent)
    live(stage, hours=20)
    assert len(stage.mails.sent) == mails


def test_what_was_declined_before_it_was_paid_is_remembered_too(quick_stage: Stage, tmp_path: Path) -> None:
    stage = quick_stage
    tick(stage)
    robin = stage.fails("insufficient_funds", clears_after_hours=80)
    back_up(stage, tmp_path / "backup")
    live(stage, hours=24 * 8)
    before = [(row.ordinal, row.state) for row in stage.attempts(robin)]
    assert stage.recovery(robin).status is Status.RECOVERED
    assert len(before) > 2
    put_back(stage, tmp_path / "backup")
    come_back(stage)
    assert [(row.ordinal, row.state) for row in stage.attempts(robin)] == before
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]


def test_a_database_that_was_never_compared_looks_behind_the_first_news_after_the_restore(
    quick_stage: Stage, tmp_path: Path
) -> None:
    stage = quick_stage
    tick(stage)
    stage.fails("lost_card")
    back_up(stage, tmp_path / "backup")
    live(stage, hours=3)
    lost = stage.fails("insufficient_funds")
    live(stage, hours=30)
    put_back(stage, tmp_path / "backup")
    stage.fails("do_not_honor")  # a webhook comes before anybody has compared anything
    come_back(stage)
    assert stage.recovery(lost).status in {Status.SCHEDULED, Status.WAITING}


def test_who_was_thanked_in_the_forgotten_time_is_not_thanked_again(
    quick_stage: Stage, tmp_path: Path
) -> None:
    stage = quick_stage
    tick(stage)
    robin = stage.fails("lost_card")
    live(stage, hours=10)
    back_up(stage, tmp_path / "backup")
    save_card(press(stage, robin))
    live(stage, hours=27)  # thanked; and 19:00 at the customer's
    thanks = [subject for _, subject, _ in mailed(stage) if subject.startswith("Thank you")]
    assert len(thanks) == 1
    put_back(stage, tmp_path / "backup")
    come_back(stage)
    assert stage.recovery(robin).status is Status.RECOVERED
    live(stage, hours=30)
    assert max(mailed(stage).values()) == 1, mailed(stage)


def test_news_of_the_last_minute_is_fetched_at_once(quick_stage: Stage, tmp_path: Path) -> None:
    stage = quick_stage
    tick(stage)
    back_up(stage, tmp_path / "backup")
    robin = stage.fails("insufficient_funds")
    put_back(stage, tmp_path / "backup")
    come_back(stage)
    assert stage.recovery(robin).status is Status.SCHEDULED


def test_an_sqlite_file_that_was_copied_by_hand_is_known_by_the_file_beside_it(
    quick_stage: Stage, tmp_path: Path
) -> None:
    stage = quick_stage
    file = copies.file_of(stage.house.settings.database)
    tick(stage)
    stage.pass_time(minutes=1)
    copy_file(stage, file, tmp_path / "by hand")
    live(stage, hours=1)
    copy_file(stage, tmp_path / "by hand", file)
    remembering.beat(stage.house)
    assert in_safe_mode(stage)
    come_back(stage)
    live(stage, hours=1)
    assert entries(stage) == ["safe_mode.begin", "safe_mode.end"]


def test_a_house_that_slept_compares_first_and_then_sends_what_is_due(stage: Stage) -> None:
    stage.house.guard.measures = True  # as with a real clock
    tick(stage)
    robin = stage.fails("lost_card")
    due = next(row["due_at"] for row in stage.rows("messages", robin) if row["step"] == "first")
    stage.clock.advance_to(due + timedelta(minutes=1))
    stage.settle()
    assert stage.mails.sent == []
    for _ in range(6):
        tick(stage)
        stage.clock.advance_to(stage.clock.now() + timedelta(minutes=1))
    assert entries(stage) == ["safe_mode.begin", "safe_mode.end"]
    assert len(stage.mails.sent) == 1


def test_a_person_can_say_that_the_database_was_restored(stage: Stage) -> None:
    tick(stage)
    mode = remembering.declare(stage.house, by="Ana")
    assert mode.open
    assert remembering.declare(stage.house, by="Ana") == mode
    assert in_safe_mode(stage)
    come_back(stage)
    assert entries(stage) == ["safe_mode.begin", "safe_mode.end"]


def test_the_monthly_mail_of_a_forgotten_time_is_not_sent_again(stage: Stage, tmp_path: Path) -> None:
    from dunning.flows.finance_mail import mail_month

    wanted = stage.house.settings.model_copy(update={"finance_mail": "cfo@juniper.example"})
    stage.house = replace(stage.house, settings=wanted)
    assert mail_month(stage.house)
    tick(stage)
    back_up(stage, tmp_path / "backup")
    stage.clock.advance_to(stage.clock.now() + timedelta(days=30))
    assert mail_month(stage.house)
    put_back(stage, tmp_path / "backup")
    assert not mail_month(stage.house)
    come_back(stage)
    assert not mail_month(stage.house)
    stage.clock.advance_to(stage.clock.now() + timedelta(days=31))
    assert mail_month(stage.house)


def test_a_copy_is_whole_and_private_and_never_overwrites(quick_stage: Stage, tmp_path: Path) -> None:
    stage = quick_stage
    stage.fails("lost_card")
    back_up(stage, tmp_path / "copy")
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    assert sorted(one.name for one in tmp_path.glob("copy*")) == ["copy"]
    with pytest.raises(Unusable, match="exists already"):
        back_up(stage, tmp_path / "copy")


def test_only_a_whole_database_of_ours_is_put_back_and_only_while_nobody_uses_it(
    quick_stage: Stage, tmp_path: Path
) -> None:
    stage = quick_stage
    url, now = stage.house.settings.database, stage.clock.now()
    back_up(stage, tmp_path / "copy")
    with stage.house.store.read(), pytest.raises(Unusable, match="in use"):
        copies.put_back(url, tmp_path / "copy", now)
    stage.house.store.engine.dispose()
    (tmp_path / "none").write_bytes(b"nothing of the kind" * 1000)
    for name, why in (("none", "damaged"), ("missing", "no file")):
        with pytest.raises(Unusable, match=why):
            copies.put_back(url, tmp_path / name, now)
    aside = copies.put_back(url, tmp_path / "copy", now)
    assert aside is not None
    assert aside.exists()
    with stage.house.store.read() as connection:
        assert beats.read(connection).copied_at == now
