"""Two web processes, two workers and two clocks on one database and one Redis: any of them may go."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from chaos_city import City, free_port, wait_for
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

pytestmark = pytest.mark.heavy

INVOICES = 24
TAKEN_UP_WITHIN_S = 150  # a lease of 90 s, the clock's round, and a busy machine


def ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def fall_due(city: City) -> None:
    engine = create_engine(city.database_url, poolclass=NullPool)
    with engine.begin() as connection:
        due = "UPDATE recoveries SET next_attempt_at = now(), ring_at = now() WHERE status = 'scheduled'"
        connection.execute(text(due))


def count(city: City, *statuses: str) -> int:
    found = city.rows("SELECT status, taken_over, count(*) AS n FROM recoveries GROUP BY status, taken_over")
    ours = [row for row in found if row.status in statuses and (row.taken_over or row.status == "recovered")]
    return sum(int(row.n) for row in ours)


def fail(city: City, number: int) -> None:
    email = f"robin{number}@example.com"
    city.ask_sandbox(
        "customer", fail="insufficient_funds", clears_after_hours=0.0001, email=email, deliver=True
    )


def test_a_load_goes_on_when_one_of_each_is_killed(city: City) -> None:
    second = f"http://127.0.0.1:{free_port()}"
    city.start("second web", "web", "--port", second.rpartition(":")[2])
    city.start("second worker", "worker", "--threads", "4")
    city.start("second clock", "clock")
    wait_for("the second web process", lambda: ready(second), 90)
    with ThreadPoolExecutor(4) as senders:
        load = [senders.submit(fail, city, number) for number in range(INVOICES)]
        wait_for("some of the load", lambda: sum(one.done() for one in load) >= INVOICES // 3, 60)
        # A post that the dying web process does not answer, Stripe sends again in an hour: not here.
        city.ask_sandbox("set", deliver_to=f"{second}/webhooks/stripe")
        time.sleep(1)
        for name in ("web", "worker", "clock"):
            city.kill(name)
        for one in load:
            one.result()
    wait_for("every decision", lambda: count(city, "scheduled", "recovered") == INVOICES, TAKEN_UP_WITHIN_S)
    fall_due(city)
    wait_for("every charge", lambda: count(city, "recovered") == INVOICES, TAKEN_UP_WITHIN_S)
    charges = city.our_charges()
    assert sorted(line["outcome"] for line in charges) == ["paid"] * INVOICES
    assert len({line["invoice"] for line in charges}) == INVOICES
