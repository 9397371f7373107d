"""Webhooks fall silent: for three days, for forty, for one recovery. What was missed is found and told."""

from datetime import timedelta
from typing import Any

import pytest
from scenarios.stage import Stage
from sqlalchemy import select

from dunning.core.vocabulary import Reason, Status
from dunning.flows import doctor_gaps, reconcile, sweeping, work
from dunning.flows.doctor import Finding
from dunning.flows.pacing import Pace
from dunning.store import tables
from workers.clock import CHORES

QUICK = Pace(1_000_000)


def gaps(stage: Stage) -> dict[str, int]:
    with stage.house.store.read() as connection:
        rows = connection.execute(select(tables.gaps.c.kind, tables.gaps.c.count)).all()
    return {kind: sum(n for name, n in rows if name == kind) for kind, _ in rows}


def doctor(stage: Stage) -> Finding:
    (finding,) = doctor_gaps.examine_gaps(stage.house.store, stage.clock, livemode=False)
    return finding


def falls_silent(stage: Stage) -> None:
    """The endpoint has worked so far; from now on nothing arrives."""
    stage.fails("lost_card")
    reconcile.reconcile_all(stage.house, pace=QUICK)
    assert gaps(stage) == {}
    assert doctor(stage).mark == "ok"
    stage.clock.advance_to(stage.clock.now() + timedelta(hours=1))
    stage.hold_events = True


def speaks_again(stage: Stage) -> None:
    stage.hold_events = False
    stage.settle()


def bill(stage: Stage, code: str | None = None, **more: Any) -> dict[str, Any]:
    return stage.sandbox.customer(**({"fail": code, "country": "GB"} | more))


def test_three_days_of_silence_are_made_up_from_stripes_list_of_events(stage: Stage) -> None:
    falls_silent(stage)
    robin = bill(stage, "insufficient_funds")
    stage.skip_time(hours=72)
    found = reconcile.reconcile_all(stage.house, pace=QUICK)
    assert found.events
    assert (found.openings, found.endings) == ([], [])
    speaks_again(stage)
    assert stage.recovery(robin).status is Status.SCHEDULED
    assert gaps(stage) == {"events": len(found.events)}
    assert doctor(stage).mark == "bad"
    assert f"{len(found.events)} events" in doctor(stage).sentence
    assert "since 05 January" in doctor(stage).cure
    assert not reconcile.reconcile_all(stage.house, pace=QUICK)


def test_forty_days_of_silence_are_made_up_from_the_invoices_themselves(stage: Stage) -> None:
    sandy = stage.fails("do_not_honor")
    falls_silent(stage)
    robin = bill(stage, "insufficient_funds")  # Stripe forgets this event
    stage.merchant("POST", f"/v1/invoices/{sandy['invoice']}/void")
    stage.skip_time(hours=24 * 39, hop=24)
    kim = bill(stage, "insufficient_funds")
    stage.skip_time(hours=24, hop=6)
    found = reconcile.reconcile_all(stage.house, pace=QUICK)
    speaks_again(stage)
    assert found.openings == [robin["invoice"], kim["invoice"]]
    lost = stage.recovery(robin)
    assert (lost.status, lost.failed_at.date().isoformat()) == (Status.LOST, "2026-01-05")
    assert set(stage.messages(robin).values()) == {"skipped"}
    assert stage.recovery(kim).status in {Status.SCHEDULED, Status.ATTEMPTING}
    assert stage.recovery(sandy).status is Status.STOPPED
    assert gaps(stage)["openings"] == len(found.openings)
    assert "failed invoice" in doctor(stage).sentence
    assert not reconcile.reconcile_all(stage.house, pace=QUICK)


def test_a_dry_run_says_what_a_sweep_would_find_and_writes_nothing(stage: Stage) -> None:
    falls_silent(stage)
    robin = bill(stage, "insufficient_funds")
    stage.skip_time(hours=24 * 40, hop=24)

    def everything() -> list[Any]:
        with stage.house.store.read() as connection:
            names = ("recoveries", "attempts", "events", "gaps", "invoices", "switches")
            return [connection.execute(select(getattr(tables, name))).all() for name in names]

    before = everything()
    would = reconcile.reconcile_all(stage.house, dry_run=True, pace=QUICK)
    assert robin["invoice"] in would.openings
    assert everything() == before
    assert reconcile.reconcile_all(stage.house, pace=QUICK).openings == would.openings


def test_a_sweep_leaves_alone_what_failed_before_we_listened(stage: Stage) -> None:
    from dunning.sandbox import archive
    from dunning.sandbox.past import Wanted

    archive.lay_down(stage.sandbox.world, Wanted(charges=150, days=200, open=3, fail_share=0.4))
    falls_silent(stage)
    robin = bill(stage, "insufficient_funds")
    stage.skip_time(hours=24 * 40, hop=24)
    found = reconcile.reconcile_all(stage.house, pace=QUICK)
    assert found.openings == [robin["invoice"]]
    long_ago = stage.clock.now() - timedelta(days=300)
    assert len(reconcile.reconcile_all(stage.house, since=long_ago, pace=QUICK).openings) > 3


def test_a_run_that_dies_in_the_sweep_is_made_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    falls_silent(stage)
    invoices = {bill(stage, "lost_card")["invoice"] for _ in range(3)}
    stage.skip_time(hours=24 * 40, hop=24)
    opened, real = [], sweeping.finding.find

    def dies(*arguments: Any, **more: Any) -> Any:
        if len(opened) == 2:
            raise KeyboardInterrupt
        opened.append(arguments)
        return real(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(sweeping.finding, "find", dies)
        with pytest.raises(KeyboardInterrupt):
            reconcile.reconcile_all(stage.house, pace=QUICK)
    reconcile.reconcile_all(stage.house, pace=QUICK)
    with stage.house.store.read() as connection:
        known = connection.execute(select(tables.recoveries.c.invoice_id)).scalars().all()
    assert invoices <= set(known)
    assert len(known) == len(set(known))


@pytest.mark.parametrize("ending", ["void", "paid", "paid outside"])
def test_one_recovery_of_which_nothing_is_heard_is_looked_after_daily(stage: Stage, ending: str) -> None:
    robin = stage.fails("lost_card")
    assert stage.recovery(robin).status is Status.WAITING
    stage.hold_events = True
    if ending == "void":
        stage.merchant("POST", f"/v1/invoices/{robin['invoice']}/void")
    elif ending == "paid":
        stage.sandbox.world.cards[robin["payment_method"]].trouble = None
        stage.merchant_charges(robin)
    else:
        stage.pays_out_of_band(robin)
    assert sweeping.look_after(stage.house, pace=QUICK) == []
    stage.skip_time(hours=36)
    stage.nothing_is_missing()
    assert sweeping.look_after(stage.house, pace=QUICK) == [robin["invoice"]]
    found = stage.recovery(robin)
    reasons = {"void": None, "paid": Reason.MERCHANT, "paid outside": Reason.OUT_OF_BAND}
    assert (found.status is Status.STOPPED, found.reason) == (ending == "void", reasons[ending])
    assert gaps(stage) == {"endings": 1}
    speaks_again(stage)
    assert sweeping.look_after(stage.house, pace=QUICK) == []


def test_the_clock_sweeps_daily(stage: Stage) -> None:
    robin = stage.fails("lost_card")
    stage.hold_events = True
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}/void")
    stage.skip_time(hours=36)
    assert CHORES["sweep"] == timedelta(days=1)
    work.work_chore(stage.house, "sweep")
    assert stage.recovery(robin).status is Status.STOPPED


def test_a_recovery_whose_invoice_is_still_open_is_left_as_it_is(stage: Stage) -> None:
    robin = stage.fails("lost_card")
    stage.skip_time(hours=36)
    before = stage.recovery(robin)
    assert sweeping.look_after(stage.house, pace=QUICK) == []
    assert stage.recovery(robin) == before
    assert gaps(stage) == {}


def test_a_bank_debit_on_its_way_has_not_failed(stage: Stage) -> None:
    falls_silent(stage)
    debit = bill(stage, "processing", clears_after_hours=24 * 90)
    invoice = stage.invoice(debit)
    stage.clock.advance_to(stage.clock.now() + timedelta(days=1))
    assert invoice["status"] == "open"
    start = stage.clock.now() - timedelta(days=31, hours=2)
    assert debit["invoice"] not in reconcile.reconcile_all(stage.house, since=start, pace=QUICK).openings
    speaks_again(stage)


def test_two_reconciliations_at_once_count_a_gap_once(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    falls_silent(stage)
    bill(stage, "lost_card")
    stage.skip_time(hours=6)
    listed, other = reconcile._new, [True]

    def slower(*arguments: Any) -> Any:
        found = listed(*arguments)
        if other:
            other.clear()
            reconcile.reconcile(stage.house)
        return found

    monkeypatch.setattr(reconcile, "_new", slower)
    found = reconcile.reconcile(stage.house)
    assert gaps(stage) == {"events": len(found)}
    speaks_again(stage)


def test_an_event_that_waits_to_be_handled_goes_before_the_sweep(stage: Stage) -> None:
    robin = stage.fails("lost_card")
    stage.hold_events = True
    stage.sandbox.world.cards[robin["payment_method"]].trouble = None
    stage.merchant_charges(robin)
    stage.skip_time(hours=36)
    stage.receive(stage.held)
    assert sweeping.look_after(stage.house, pace=QUICK) == []
    speaks_again(stage)
    assert stage.recovery(robin).status is Status.RECOVERED
    assert gaps(stage) == {}


def test_the_doctor_says_when_nobody_compares_events(stage: Stage) -> None:
    assert doctor(stage).mark == "warn"
    falls_silent(stage)
    stage.clock.advance_to(stage.clock.now() + timedelta(hours=8))
    assert "since 05 January" in doctor(stage).sentence


def test_an_old_gap_is_a_warning_and_a_very_old_one_is_forgotten(stage: Stage) -> None:
    falls_silent(stage)
    bill(stage, "lost_card")
    stage.skip_time(hours=24)
    reconcile.reconcile_all(stage.house, pace=QUICK)
    assert doctor(stage).mark == "bad"
    stage.clock.advance_to(stage.clock.now() + timedelta(days=2))
    assert doctor(stage).mark == "warn"
    stage.clock.advance_to(stage.clock.now() + timedelta(days=6))
    speaks_again(stage)
    assert "did not answer" not in doctor(stage).cure
