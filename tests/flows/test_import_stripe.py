"""Importing the past from Stripe: complete and once, however often the run dies; and nobody is written to."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from scenarios.stage import OURS, Stage, Switchboard, set_stage
from sqlalchemy import select

from dunning import app
from dunning.core.vocabulary import MadeBy, Reason, Status
from dunning.errors import Transient, Unreachable, Unusable
from dunning.flows.import_stripe import Imported, import_stripe
from dunning.flows.learn import past_cases
from dunning.flows.pacing import PATIENCE_S, Pace
from dunning.gateway.ask import Stripe
from dunning.sandbox import archive
from dunning.sandbox.past import Wanted
from dunning.store import imports, tables
from dunning.store.engine import Store, open_store

PAST = Wanted(charges=230, days=300, open=4, fail_share=0.3)
COMPARED = ("past_charges", "past_payments", "past_invoices", "recoveries", "attempts", "ledger_entries")


class Died(BaseException):
    """The process was killed here."""


@dataclass
class Killer:
    """Dies at the moment `at`, counted from 1; 0 lets live."""

    at: int = 0
    moments: int = 0

    def moment(self) -> None:
        self.moments += 1
        if self.moments == self.at:
            raise Died


@pytest.fixture
def killer(monkeypatch: pytest.MonkeyPatch) -> Killer:
    """Let a run die before, inside and after each transaction, and round each page."""
    made, write, read_list = Killer(), Store.write, Stripe.read_list

    @contextlib.contextmanager
    def mortal(self: Store) -> Iterator[Any]:
        made.moment()
        with write(self) as connection:
            yield connection
            made.moment()
        made.moment()

    def asked(self: Stripe, *arguments: Any) -> Any:
        answer = read_list(self, *arguments)
        made.moment()
        return answer

    monkeypatch.setattr(Store, "write", mortal)
    monkeypatch.setattr(Stripe, "read_list", asked)
    return made


def bring_in(stage: Stage, days: int = 400) -> Imported:
    since = stage.clock.now() - timedelta(days=days)
    return import_stripe(stage.house, since, pace=Pace(1_000_000, sleep=lambda _: None))


def dump(stage: Stage) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the past, apart from when our own run wrote it."""
    found = {}
    with stage.house.store.read() as connection:
        for name in COMPARED:
            table = getattr(tables, name)
            columns = [c for c in table.c if c.name not in {"recorded_at", "read_at", "row_version"}]
            rows = connection.execute(select(*columns).order_by(table.c.id))
            found[name] = [tuple(map(str, row)) for row in rows]
    return found


def count(stage: Stage, table: str, **wanted: Any) -> int:
    found = getattr(tables, table)
    query = select(found).where(*(found.c[name] == value for name, value in wanted.items()))
    with stage.house.store.read() as connection:
        return len(connection.execute(query).all())


@pytest.fixture(scope="module")
def unharmed(switchboard: Switchboard, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run leaves that nobody killed."""
    folder: Path = tmp_path_factory.mktemp("unharmed")
    url = f"sqlite:///{folder / 'unharmed.db'}"
    store = open_store(url)
    app.upgrade(store, url)
    store.engine.dispose()
    with set_stage(switchboard, url, folder) as stage:
        archive.lay_down(stage.sandbox.world, PAST)
        bring_in(stage)
        return dump(stage)


def test_a_run_that_dies_at_every_moment_ends_as_one_that_never_did(
    stage: Stage, killer: Killer, unharmed: dict[str, Any]
) -> None:
    told = archive.lay_down(stage.sandbox.world, PAST)
    deaths = 0
    while True:
        killer.at, killer.moments = deaths + 1, 0
        try:
            done = bring_in(stage)
        except Died:
            deaths += 1
            continue
        break
    assert deaths > 20
    assert done.objects["charges"] == told["charges"]
    assert dump(stage) == unharmed


def test_everything_of_the_past_is_there_once_and_adds_up(stage: Stage) -> None:
    told = archive.lay_down(stage.sandbox.world, PAST)
    done = bring_in(stage)
    assert done.objects == {
        "invoices": told["invoices"],
        "payments": told["invoices"],
        "charges": told["charges"],
    }
    assert (done.recoveries + done.opened, done.opened) == (told["invoices_failed"], 4)
    assert count(stage, "attempts") == told["charges_on_failed_invoices"]
    assert count(stage, "recoveries", status=Status.RECOVERED) == told["recovered"]
    assert count(stage, "recoveries", status=Status.STOPPED) == told["stopped"]
    outside = count(stage, "recoveries", reason=Reason.OUT_OF_BAND)
    assert outside == told["recovered_outside_stripe"]
    again = bring_in(stage)
    assert (again.recoveries, again.opened) == (done.recoveries, 0)
    assert count(stage, "attempts") == told["charges_on_failed_invoices"]


def test_what_is_still_unpaid_is_collected_as_ever_but_nobody_is_written_to(stage: Stage) -> None:
    archive.lay_down(stage.sandbox.world, PAST)
    bring_in(stage)
    stage.pass_time(days=14)
    assert count(stage, "recoveries", import_id=None) == 4
    assert count(stage, "messages") == 0
    assert stage.mails.sent == []
    ours = {line["invoice"] for line in stage.sandbox.books() if line["made_by"] == "dunning"}
    with stage.house.store.read() as connection:
        past = connection.execute(
            select(tables.recoveries.c.invoice_id).where(tables.recoveries.c.import_id.is_not(None))
        )
        assert ours
        assert not ours & set(past.scalars())


def test_while_we_only_watch_an_import_charges_nothing(watching_stage: Stage) -> None:
    stage = watching_stage
    archive.lay_down(stage.sandbox.world, PAST)
    bring_in(stage)
    assert count(stage, "recoveries", status=Status.WATCHING) == 4
    stage.pass_time(days=3)
    assert not [line for line in stage.sandbox.books() if line["made_by"] == "dunning"]


def test_a_recovery_that_we_saw_ourselves_is_left_alone(stage: Stage) -> None:
    robin = stage.fails("insufficient_funds", clears_after_hours=1)
    stage.pass_time(days=14)
    assert stage.recovery(robin).status is Status.RECOVERED
    before = stage.rows("attempts", robin), stage.ledger(robin)
    assert bring_in(stage).recoveries == 0
    assert (stage.rows("attempts", robin), stage.ledger(robin)) == before


def test_a_later_run_brings_what_failed_since_and_what_was_paid_since(watching_stage: Stage) -> None:
    stage = watching_stage
    stage.hold_events = True
    stage.sandbox.smart_retries = False
    robin = stage.fails("insufficient_funds", clears_after_hours=24 * 30)
    stage.pass_time(days=20)
    assert bring_in(stage).recoveries == 1
    assert stage.recovery(robin).status is Status.LOST
    stage.pass_time(days=20)
    stage.merchant_charges(robin)
    sandy = stage.fails("lost_card")
    stage.pass_time(days=20)
    assert bring_in(stage).recoveries == 2
    paid = stage.recovery(robin)
    assert (paid.status, paid.late, paid.reason) == (Status.RECOVERED, True, Reason.MERCHANT)
    assert stage.ledger(robin) == [("recovered", 2900, "merchant")]
    assert stage.recovery(sandy).status is Status.LOST


def test_a_bank_debit_without_an_outcome_is_read_again(watching_stage: Stage) -> None:
    stage = watching_stage
    stage.hold_events = True
    stage.sandbox.smart_retries = False
    robin = stage.fails("do_not_honor")
    (charge,) = stage.sandbox.world.tables["charges"].values()
    stage.pass_time(days=15)
    charge["status"] = "pending"
    assert bring_in(stage).recoveries == 0
    charge["status"] = "failed"
    stage.sandbox.customer()
    stage.pass_time(days=1)
    assert bring_in(stage).recoveries == 1
    assert len(stage.attempts(robin)) == 1


def test_a_busy_stripe_is_waited_for_and_one_that_stays_away_ends_the_run(stage: Stage) -> None:
    archive.lay_down(stage.sandbox.world, PAST)
    slept: list[float] = []
    stage.sandbox.faults.add(status=429, code="rate_limit", path="/v1/charges", method="GET", times=2)
    import_stripe(
        stage.house, stage.clock.now() - timedelta(days=400), pace=Pace(1_000_000, sleep=slept.append)
    )
    assert sum(slept) >= 2
    stage.sandbox.faults.add(status=429, code="rate_limit", path="/v1/invoices", method="GET", times=None)
    with pytest.raises(Transient):
        import_stripe(stage.house, stage.clock.now(), pace=Pace(1_000_000, sleep=slept.append))
    assert sum(slept) >= PATIENCE_S


def test_a_stripe_that_never_answered_is_given_up_soon_and_one_that_did_is_waited_for() -> None:
    slept: list[float] = []
    pace = Pace(1_000_000, sleep=slept.append)

    def nobody_there() -> None:
        raise Unreachable("Nobody answers.")

    with pytest.raises(Unreachable):
        pace.ask(nobody_there)
    assert 15 <= sum(slept) < 60
    pace.ask(lambda: None)
    slept.clear()
    with pytest.raises(Unreachable):
        pace.ask(nobody_there)
    assert sum(slept) >= PATIENCE_S


def test_the_pace_is_kept() -> None:
    slept: list[float] = []
    pace = Pace(10, sleep=slept.append)
    for _ in range(5):
        pace.ask(lambda: None)
    assert 0.9 < sum(slept) < 1.1


def test_a_cursor_that_stripe_no_longer_knows_costs_nothing(stage: Stage, killer: Killer) -> None:
    told = archive.lay_down(stage.sandbox.world, PAST)
    killer.at = 11
    with pytest.raises(Died):
        bring_in(stage)
    killer.at = 0
    lists = tables.import_lists
    with stage.house.store.write() as connection:
        begun = lists.c.after_id.is_not(None)
        changed = connection.execute(lists.update().where(begun).values(after_id="in_deleted"))
    assert changed.rowcount == 1
    assert bring_in(stage).objects["charges"] == told["charges"]


def test_two_imports_at_once_do_not_step_on_each_other(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    archive.lay_down(stage.sandbox.world, PAST)
    read_list, other = Stripe.read_list, [True]

    def meanwhile(self: Stripe, *arguments: Any) -> Any:
        answer = read_list(self, *arguments)
        if other:
            other.clear()
            bring_in(stage)
        return answer

    monkeypatch.setattr(Stripe, "read_list", meanwhile)
    with pytest.raises(Unusable, match="Another import"):
        bring_in(stage)
    assert bring_in(stage).objects["charges"] == PAST.charges


def test_the_planner_learns_from_stripes_own_tries_of_the_past(stage: Stage) -> None:
    told = archive.lay_down(stage.sandbox.world, Wanted(charges=500, days=300, fail_share=0.5))
    bring_in(stage)
    with stage.house.store.read() as connection:
        cases = list(past_cases(connection))
        made_by = connection.execute(select(tables.attempts.c.made_by)).scalars().all()
    assert len(cases) == told["invoices_failed"]
    by_hand = made_by.count(MadeBy.MERCHANT)
    assert by_hand
    assert sum(len(case.attempts) for case in cases) == told["charges_on_failed_invoices"] - by_hand
    assert {case.brand for case in cases} <= {"visa", "mastercard", "amex"}


def test_an_import_says_how_far_it_is(stage: Stage) -> None:
    archive.lay_down(stage.sandbox.world, PAST)
    seen: list[tuple[str, int]] = []
    since = stage.clock.now() - timedelta(days=400)
    import_stripe(stage.house, since, pace=Pace(1_000_000), progress=lambda *step: seen.append(step))
    assert list(dict.fromkeys(stage_name for stage_name, _ in seen)) == [
        *("invoices", "payments", "charges", "joining")
    ]
    charges = [done for name, done in seen if name == "charges"]
    assert charges == sorted(charges)
    assert charges[-1] == 1000


def test_the_import_itself_is_remembered(stage: Stage) -> None:
    bring_in(stage)
    with stage.house.store.write() as connection:
        source = imports.begin(connection, OURS, "stripe", "Stripe", stage.clock.now())
    assert source.finished_at == stage.clock.now()
