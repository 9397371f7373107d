"""Switches, breakers and verdicts that are changed by several at the same moment."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from flows.stopping import due, frozen
from flows.test_second_thoughts import held_failure
from scenarios.stage import Stage, Switchboard, set_stage
from scenarios.test_segments import LARGE

from dunning.core.breaker import Cause
from dunning.core.vocabulary import AttemptState, Retries, Status
from dunning.flows import abandonment, ownership, switches
from dunning.flows.abandonment import Verdict
from dunning.flows.asked import Asked
from dunning.flows.driver import run
from dunning.flows.steer import steer
from dunning.flows.work import work_chore, work_event, work_recovery
from dunning.store import breakers, segments
from dunning.store import due as due_rows


def together(work: Callable[[int], Any], threads: int = 4) -> list[Any]:
    """Do the same work in several threads at once; return what each got, an error for one that raised."""
    ready, got = Barrier(threads), list[Any]([None] * threads)

    def one(number: int) -> None:
        ready.wait()
        try:
            got[number] = work(number)
        except Exception as error:  # noqa: BLE001 - shown by the test's own assertion
            got[number] = error

    running = [Thread(target=one, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(30)
    return got


def test_segments_published_at_the_same_moment_are_so_many_versions(stage: Stage) -> None:
    switches.publish_segments(stage.house, LARGE, by="ada")
    text = [LARGE.replace("100000", str(200_000 + number)) for number in range(4)]
    got = together(lambda number: switches.publish_segments(stage.house, text[number], by="ada"))
    assert got == [0, 0, 0, 0]
    with stage.house.store.read() as connection:
        assert segments.current(connection).version == 5


def test_two_switches_of_one_segment_turned_at_once_are_both_turned(stage: Stage) -> None:
    switches.publish_segments(stage.house, LARGE, by="ada")
    turns: list[Callable[[], Any]] = [
        lambda: switches.set_mode(stage.house, by="ada", retries=Retries.WEAVE, segment="large"),
        lambda: switches.set_mode(stage.house, by="bob", messages=True, segment="large"),
        lambda: switches.pause_all(stage.house, "a call", by="eve", segment="large"),
    ]
    together(lambda number: turns[number](), threads=3)
    with stage.house.store.read() as connection:
        large = segments.current(connection).named("large")
    assert large is not None
    assert (large.retries, large.messages, large.paused) == (Retries.WEAVE, True, "a call")


@pytest.fixture
def postgres_stage(switchboard: Switchboard, postgres_url: str, tmp_path: Path) -> Iterator[Stage]:
    with set_stage(switchboard, postgres_url, tmp_path) as made:
        yield made
        assert made.laws_broken() == {}


def test_a_recovery_that_is_being_opened_while_its_segment_changes_hands_changes_with_it(
    postgres_stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = postgres_stage
    switches.publish_segments(stage.house, LARGE.replace("watch", "own"), by="ada")
    robin = held_failure(stage, amount=250_000)
    stage.receive([event for event in stage.held if event.type == "invoice.payment_failed"])
    with stage.house.store.write() as connection:
        seqs = due_rows.stamp(connection, "event", stage.clock.now())
    opened, go_on = Event(), Event()

    def slow(*given: Any, **more: Any) -> Any:
        opened.set()
        assert go_on.wait(10)
        return steer(*given, **more)

    monkeypatch.setattr("dunning.flows.opening.steer", slow)
    opener = Thread(target=work_event, args=(stage.house, seqs[0]))
    opener.start()
    assert opened.wait(10)
    to_watch = {"by": "ada", "release": True, "segment": "large"}
    setter = Thread(target=switches.set_mode, args=(stage.house,), kwargs=to_watch)
    setter.start()
    setter.join(0.5)
    go_on.set()
    opener.join(10)
    setter.join(10)
    stage.settle()
    recovery = stage.recovery(robin)
    assert (recovery.segment, recovery.retries, recovery.status) == (
        *("large", Retries.WATCH, Status.WATCHING),
    )
    assert stage.invoice(robin)["auto_advance"] is True


def test_a_breaker_opened_by_many_is_open_once_and_its_door_is_tried_by_one(stage: Stage) -> None:
    def trip(_: int) -> Any:
        with stage.house.store.write() as connection:
            return breakers.trip(connection, "all", Cause.OUTAGE, "500", stage.clock.now())

    first = together(trip)
    assert len({breaker.opened_at for breaker in first}) == 1
    stage.clock.advance_to(first[0].probe_at)

    def take(_: int) -> Any:
        with stage.house.store.write() as connection:
            return breakers.take_probe(connection, stage.clock.now())

    assert sum(found is not None for found in together(take)) == 1
    stage.clock.advance_to(first[0].probe_at + first[0].wait)
    work_chore(stage.house, "probe")
    with stage.house.store.read() as connection:
        assert breakers.all_open(connection) == []


def test_a_breaker_that_opens_between_the_freeze_and_the_charge_keeps_the_charge_in_the_house(
    stage: Stage,
) -> None:
    robin = due(stage)
    frozen(stage, robin)
    with stage.house.store.write() as connection:
        breakers.trip(connection, "self", Cause.KEY, "403", stage.clock.now())
    together(lambda _: work_recovery(stage.house, stage.recovery(robin).id))
    stage.ring()
    assert stage.charges(robin, by="dunning") == []
    assert stage.ours(robin) == [AttemptState.ASKING]
    stage.pass_time(minutes=8)
    assert stage.charges(robin, by="dunning") == ["paid"]
    assert stage.ours(robin) == [AttemptState.PAID]


def test_two_people_who_conclude_one_charge_at_once_conclude_it_once(stage: Stage) -> None:
    robin = due(stage)
    stage.hold_events = True
    stage.sandbox.faults.add(status=500, when="after")
    stage.settle()
    recovery = stage.recovery(robin)
    (attempt,) = [a for a in stage.attempts(robin) if a.ordinal]
    with stage.house.store.write() as connection:
        asked = Asked(attempt, attempt.fence, 0, recovery.retries, again=True)
        abandonment.abandon(connection, recovery, asked, stage.clock.now())
    got = together(lambda _: abandonment.conclude(stage.house, recovery.id, Verdict.PAID, by="ada"))
    assert sorted(answer.done for answer in got) == [False, False, False, True]
    assert stage.ledger(robin) == [("recovered", 2900, "our_retry")]
    assert stage.ours(robin) == [AttemptState.PAID]


def test_an_invoice_that_stripe_took_back_is_taken_again_by_several_workers_at_once(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds")
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}", auto_advance="true")
    stage.deliver()
    with stage.house.store.write() as connection:
        seqs = due_rows.stamp(connection, "event", stage.clock.now())
    for seq in seqs:
        work_event(stage.house, seq)
    recovery_id = stage.recovery(robin).id
    assert not stage.recovery(robin).taken_over
    together(lambda _: run(ownership.set_owner(stage.house, recovery_id)))
    assert stage.recovery(robin).taken_over
    assert stage.recovery(robin).contradicted_at is None
    assert stage.invoice(robin)["auto_advance"] is False
