"""What must hold when real processes die: one charge at Stripe, one attempt row, the right outcome."""

import pytest
from chaos_city import City, wait_for
from redis import Redis

pytestmark = pytest.mark.heavy

TAKEN_UP_WITHIN_S = 150  # a lease of 90 s, the clock's round, and a busy machine


def outcome(city: City, recovery_id: str) -> list[tuple[str, str]]:
    rows = city.rows(
        "SELECT r.status, a.state FROM recoveries AS r JOIN attempts AS a ON a.recovery_id = r.id "
        f"WHERE r.id = '{recovery_id}' AND a.ordinal IS NOT NULL",
    )
    return [(row.status, row.state) for row in rows]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_killed_in_the_middle_of_a_charge_leaves_one_charge(city: City, when: str) -> None:
    recovery_id = city.a_failed_invoice()
    # No webhook shall tell the outcome: the row's lease alone must bring somebody back to it.
    city.ask_sandbox("set", deliver_to=None)
    city.ask_sandbox("hold", when=when)
    city.retry(recovery_id)
    wait_for("the held charge", city.held, 30)
    city.kill("worker")
    city.ask_sandbox("release")
    city.start("worker", "worker", "--threads", "4")
    wait_for(
        "the outcome",
        lambda: outcome(city, recovery_id) == [("recovered", "paid")],
        TAKEN_UP_WITHIN_S,
    )
    assert [line["outcome"] for line in city.our_charges()] == ["paid"]


def test_a_webhook_tells_the_outcome_before_the_lease_does(city: City) -> None:
    recovery_id = city.a_failed_invoice()
    city.ask_sandbox("hold", when="after")
    city.retry(recovery_id)
    wait_for("the held charge", city.held, 30)
    city.kill("worker")
    city.start("worker", "worker", "--threads", "4")
    wait_for("the outcome", lambda: outcome(city, recovery_id) == [("recovered", "paid")], 45)
    city.ask_sandbox("release")
    assert [line["outcome"] for line in city.our_charges()] == ["paid"]


def test_two_clocks_and_an_emptied_redis_charge_each_invoice_once(city: City) -> None:
    city.start("second clock", "clock")
    recovery_ids = [city.a_failed_invoice(email=f"robin{n}@example.com") for n in range(6)]
    with Redis.from_url(city.redis_url) as redis:
        for recovery_id in recovery_ids:
            city.retry(recovery_id)
            redis.flushall()
    for recovery_id in recovery_ids:
        wait_for(
            "the outcome",
            lambda each=recovery_id: outcome(city, each) == [("recovered", "paid")],
            TAKEN_UP_WITHIN_S,
        )
    charges = city.our_charges()
    assert sorted(line["outcome"] for line in charges) == ["paid"] * 6
    assert len({line["invoice"] for line in charges}) == 6
