"""A charge that was frozen is looked at once more when it is claimed: news may have come in between.

The simulation seldom meets these minutes, so each piece of news is brought here on purpose, with the look and
without it: Stripe would take the money in every case but the void one.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flows.stopping import due, frozen
from flows.test_card_limits import hear
from scenarios.stage import Stage
from simulation import seeded_guards
from sqlalchemy import update

from dunning.core.decline_table import DeclineClass
from dunning.core.vocabulary import AttemptState, Retries
from dunning.flows import charging, staff, switches
from dunning.flows.driver import run
from dunning.store import recoveries, tables

Robin = dict[str, Any]
NO_CITY: Any = None


def given_up(stage: Stage, robin: Robin) -> None:
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}/mark_uncollectible")
    hear(stage)


def voided(stage: Stage, robin: Robin) -> None:
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}/void")
    hear(stage)


def only_watched(stage: Stage, robin: Robin) -> None:
    with stage.house.store.write() as connection:
        recoveries.change(connection, stage.recovery(robin).id, retries=Retries.WATCH)


def stopped_by_staff(stage: Stage, robin: Robin) -> None:
    assert staff.stop(stage.house, stage.recovery(robin).id, by="ada").done


def switched_off(stage: Stage, _: Robin) -> None:
    switches.pause_all(stage.house, "wrong price", by="ada")


def forgotten(stage: Stage, _: Robin) -> None:
    stage.clock.advance_to(stage.clock.now() + charging.FROZEN_FOR + timedelta(seconds=1))


def stolen(stage: Stage, robin: Robin) -> None:
    """The bank's last word on this card becomes that it was stolen."""
    table = tables.attempts
    first = next(row for row in stage.rows("attempts", robin) if row["state"] == AttemptState.DECLINED)
    with stage.house.store.write() as connection:
        told = {"decline_code": "stolen_card", "decline_class": DeclineClass.HARD}
        connection.execute(update(table).where(table.c.id == first["id"]).values(**told))


def turned_on(stage: Stage, robin: Robin) -> None:
    stage.merchant("POST", f"/v1/invoices/{robin['invoice']}", auto_advance="true")
    hear(stage)


NEWS: dict[str, Callable[[Stage, Robin], None]] = {
    "the merchant gives it up": given_up,
    "the merchant voids it": voided,
    "retries are set to watch": only_watched,
    "staff stop it": stopped_by_staff,
    "the kill switch goes on": switched_off,
    "a quarter of an hour passes": forgotten,
    "the bank says that the card was stolen": stolen,
    "Stripe collects it again": turned_on,
}
OTHERWISE = {"the merchant voids it", "the kill switch goes on"}


@pytest.mark.parametrize("news", NEWS)
def test_a_frozen_charge_stays_here_when_news_comes(quick_stage: Stage, news: str) -> None:
    stage = quick_stage
    robin = due(stage)
    attempt_id = frozen(stage, robin)
    NEWS[news](stage, robin)
    run(charging.charge(stage.house, attempt_id))
    assert stage.charges(robin, by="dunning") == []
    assert stage.ours(robin) == [AttemptState.CANCELLED]


@pytest.mark.parametrize("news", [one for one in NEWS if one not in OTHERWISE])
def test_without_that_look_it_leaves(quick_stage: Stage, monkeypatch: pytest.MonkeyPatch, news: str) -> None:
    """The guard that `seeded_bugs` takes out; the kill switch is another one, void ones are refused."""
    stage = quick_stage
    robin = due(stage)
    attempt_id = frozen(stage, robin)
    NEWS[news](stage, robin)
    seeded_guards.charged_whatever_happened(monkeypatch, NO_CITY)
    run(charging.charge(stage.house, attempt_id))
    assert stage.charges(robin, by="dunning") == ["paid"]


def test_a_frozen_charge_leaves_when_nothing_speaks_against_it(quick_stage: Stage) -> None:
    robin = due(quick_stage)
    run(charging.charge(quick_stage.house, frozen(quick_stage, robin)))
    assert quick_stage.charges(robin, by="dunning") == ["paid"]
