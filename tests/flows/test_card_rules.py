"""Versions of the card rules are published once, one after the other, and never changed."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from browser.house import furnish
from flows.test_card_limits import bill_again, charges_of
from scenarios.stage import Stage
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from dunning.core.billing import Whose
from dunning.core.declines import Decline, DeclineClass, classify
from dunning.flows import card_rules, staff
from dunning.flows.house import House
from dunning.store import attempts, tables
from dunning.store import card_rules as kept

ROW = {"class": "soft_funds"}


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    made, _ = furnish(database_url, recoveries=4)
    yield made
    made.store.engine.dispose()


def versions(house: House) -> list[tuple[int, str]]:
    with house.store.read() as connection:
        return [(row["version"], row["published_by"]) for row in kept.history(connection)]


def test_every_change_is_a_version_with_who_and_when(house: House) -> None:
    assert card_rules.in_force(house).version == 0
    assert card_rules.set_row(house, "do_not_honor", ROW, by="ada").version == 1
    assert card_rules.set_budgets(house, "visa", ["20 in 30d"], by="ben").version == 2
    assert card_rules.set_row(house, "do_not_honor", None, by="ada").version == 3
    assert versions(house) == [(3, "ada"), (2, "ben"), (1, "ada")]
    rules = card_rules.in_force(house)
    assert rules.document == {"budgets": {"visa": ["20 in 30d"]}}
    with house.store.read() as connection:
        assert kept.history(connection)[0]["published_at"] == house.clock.now()
        old = kept.version(connection, 2)
    assert classify(Decline("do_not_honor"), old.table) is DeclineClass.SOFT_FUNDS
    assert classify(Decline("do_not_honor"), rules.table) is DeclineClass.SOFT_ISSUER


def test_the_same_again_is_no_version(house: House) -> None:
    assert card_rules.publish(house, {"declines": {"do_not_honor": ROW}}, by="ada").changed
    assert not card_rules.publish(house, {"declines": {"do_not_honor": ROW}}, by="ben").changed
    assert not card_rules.set_row(house, "do_not_honor", ROW, by="ben").changed
    assert versions(house) == [(1, "ada")]


def test_a_document_with_a_mistake_publishes_nothing_of_it(house: House) -> None:
    document = {"declines": {"do_not_honor": ROW, "lost_card": ROW}}
    done = card_rules.publish(house, document, by="ada")
    assert not done.changed
    assert [mistake.field for mistake in done.mistakes] == ["declines.lost_card.class"]
    assert versions(house) == []


def test_two_who_publish_at_once_both_get_their_row(house: House) -> None:
    codes = ["do_not_honor", "generic_decline", "call_issuer", "not_permitted"]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda code: card_rules.set_row(house, code, ROW, by=code), codes))
    assert sorted(one.version for one in done) == [1, 2, 3, 4]
    assert card_rules.in_force(house).table.overridden == set(codes)


@pytest.mark.parametrize(
    "change", [update(tables.card_rules).values(published_by="eve"), delete(tables.card_rules)]
)
def test_the_database_refuses_to_change_a_version(house: House, change: Any) -> None:
    card_rules.set_row(house, "do_not_honor", ROW, by="ada")
    with pytest.raises(DBAPIError, match="publish another"), house.store.write() as connection:
        connection.execute(change)
    assert versions(house) == [(1, "ada")]


def test_codes_that_nobody_has_described_are_counted(house: House) -> None:
    with house.store.write() as connection:
        known = connection.execute(select(tables.attempts.c.id)).scalars().all()
        strange = {"state": "declined", "decline_code": "martian_bank", "advice_code": "sing"}
        strange |= {"network_advice_code": "77", "brand": "mastercard", "network_status": "lost_in_space"}
        chosen = update(tables.attempts).where(tables.attempts.c.id.in_(known[:3]))
        connection.execute(chosen.values(**strange, ordinal=None))
    told = undescribed(house)
    assert told == {
        ("decline_code", "martian_bank"): 3,
        ("advice_code", "sing"): 3,
        ("network_advice_code", "77"): 3,
        ("network_status", "lost_in_space"): 3,
    }
    card_rules.set_row(house, "martian_bank", {"class": "hard"}, by="ada")
    assert ("decline_code", "martian_bank") not in undescribed(house)


def test_a_card_is_counted_for_the_merchant_who_tried_it(house: House) -> None:
    found = tables.attempts.c
    with house.store.write() as connection:
        theirs = connection.execute(select(found.id)).scalars().first()
        connection.execute(update(tables.attempts).values(fingerprint="fp_one", at=house.clock.now()))
        total = len(attempts.reached_network(connection, Whose(), "fp_one", house.clock.now()))
        connection.execute(
            update(tables.attempts).where(found.id == theirs).values(account_id="acct_1", ordinal=None)
        )
        since = house.clock.now()
        ours = attempts.reached_network(connection, Whose(), "fp_one", since)
        other = attempts.reached_network(connection, Whose("acct_1"), "fp_one", since)
    assert (len(ours), len(other)) == (total - 1, 1)


def undescribed(house: House) -> dict[tuple[str, str], int]:
    rules = card_rules.in_force(house)
    with house.store.read() as connection:
        seen = kept.codes_seen(connection, livemode=False)
    return {(one.field, one.code): one.count for one in card_rules.undescribed(seen, rules)}


@pytest.mark.parametrize("seed", range(3))
def test_no_try_of_ours_ever_exceeds_a_budget(quick_stage: Stage, seed: int) -> None:
    stage, chance = quick_stage, random.Random(seed)
    card_rules.set_budgets(stage.house, "visa", ["3 in 36h", "8 in 8d"], by="ada")
    robin = stage.fails("insufficient_funds")
    all_ids = [robin]
    for _ in range(20):
        match chance.randrange(6):
            case 0:
                all_ids += bill_again(stage, robin, 1)
            case 1:
                ids = chance.choice(all_ids)
                staff.retry(stage.house, stage.recovery(ids).id, by="ada")
            case 2:
                stage.merchant_charges(chance.choice(all_ids))
        stage.pass_time(hours=chance.randrange(1, 30))
    times = charges_of(stage, robin["payment_method"])
    ours = [at for ids in all_ids for at in our_times(stage, ids)]
    assert len(ours) >= 3
    for limit, window in ((3, timedelta(hours=36)), (8, timedelta(days=8))):
        assert all(sum(at - window < other <= at for other in times) <= limit for at in ours)


def our_times(stage: Stage, ids: dict[str, Any]) -> list[datetime]:
    lines = (line for line in stage.sandbox.books() if line["invoice"] == ids["invoice"])
    return [datetime.fromisoformat(line["at"]) for line in lines if line["made_by"] == "dunning"]
