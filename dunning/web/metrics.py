"""The figures for Prometheus: what is under way at each scrape, and totals that are counted now and then."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from dunning import logs
from dunning.flows.house import House
from dunning.flows.jobs import bells_waiting
from dunning.store.gauges import Gauges, Totals, read_gauges, read_totals

COUNTED_EVERY_S: Final = 300.0

log = logs.get(__name__)
Setter = Callable[[str | None, Any], None]


class Counted:
    """The totals of a house, counted at the first scrape, and behind later ones when they are old."""

    def __init__(self, house: House, every_s: float = COUNTED_EVERY_S) -> None:
        self._house, self._every_s = house, every_s
        self._counting = threading.Lock()
        self._found: Totals | None = None
        self._at = 0.0

    def totals(self) -> Totals:
        """Return the totals, five minutes old or so; a scrape never waits for new ones."""
        known = self._found
        if known is None:
            return self._count_first()
        if time.monotonic() - self._at > self._every_s and self._counting.acquire(blocking=False):
            threading.Thread(target=self._count_behind, name="totals", daemon=True).start()
        return known

    def _count_first(self) -> Totals:
        with self._counting:
            found = self._found  # somebody else's, who came first
            return self._count() if found is None else found

    def _count_behind(self) -> None:
        try:
            self._count()
        except Exception:
            log.exception("totals_not_counted")
        finally:
            self._counting.release()

    def _count(self) -> Totals:
        with self._house.store.read() as connection:
            found = read_totals(connection, self._house.clock.now())
        self._found, self._at = found, time.monotonic()
        return found


def exposition(house: House, counted: Counted) -> bytes:
    """Return all figures in the text format of Prometheus."""
    with house.store.read() as connection:
        gauges = read_gauges(connection, house.clock.now())
    registry = CollectorRegistry()

    def gauge(name: str, says: str, label: str | None = None) -> Setter:
        made = Gauge(name, says, [label] if label else [], registry=registry)
        return lambda value, number: (made.labels(value) if label else made).set(number)

    _work(gauges, house, gauge)
    _events(gauges, house, gauge)
    _alarms(gauges, gauge)
    _totals(counted.totals(), house, gauge)
    bells = bells_waiting(house.settings)
    if bells is not None:
        gauge("dunning_bells_waiting", "Bells in Redis that no worker has heard yet.")(None, bells)
    return generate_latest(registry)


def _work(gauges: Gauges, house: House, gauge: Callable[..., Setter]) -> None:
    oldest = gauge("dunning_oldest_due_seconds", "Age of the oldest due row that nobody finished.", "kind")
    due = gauge("dunning_due_rows", "Rows that are due and were not rung.", "kind")
    taken = gauge("dunning_taken_rows", "Rows that were rung, or are in hand.", "kind")
    dead = gauge("dunning_dead_rows", "Rows set aside, which a person must look at (/settings/jobs).", "kind")
    for one in gauges.work:
        waits = (house.clock.now() - one.oldest_due).total_seconds() if one.oldest_due else 0
        oldest(one.kind, max(waits, 0))
        due(one.kind, one.due)
        taken(one.kind, one.taken)
        dead(one.kind, one.dead)
    _each(gauge("dunning_attempts_unfinished", "Unfinished attempts by state.", "state"), gauges.unfinished)


def _events(gauges: Gauges, house: House, gauge: Callable[..., Setter]) -> None:
    now, unhandled, last = house.clock.now(), gauges.unhandled_since, gauges.last_event_at
    count = gauge("dunning_events_unhandled", "Events received and not yet handled.")
    oldest = gauge("dunning_oldest_unhandled_event_seconds", "Age of the oldest of them.")
    count(None, gauges.events_unhandled)
    oldest(None, (now - unhandled).total_seconds() if unhandled else 0)
    if last is not None:
        silence = gauge("dunning_last_event_seconds", "Time since Stripe's last event came.")
        silence(None, max((now - last).total_seconds(), 0))


def _alarms(gauges: Gauges, gauge: Callable[..., Setter]) -> None:
    alarms = {
        "breaker": gauges.breakers_open,
        "safe_mode": int(gauges.safe_mode),
        "contradiction": gauges.contradictions,
        "abandoned": gauges.attempts_abandoned,
        "listener": gauges.listeners_off,
    }
    _each(gauge("dunning_alarms", "What stops charging, or waits for a person, by kind.", "kind"), alarms)
    says = "What no webhook brought, found in the last 7 days."
    _each(gauge("dunning_missed", says, "kind"), gauges.missed)


def _totals(totals: Totals, house: House, gauge: Callable[..., Setter]) -> None:
    _each(gauge("dunning_recoveries_open", "Open recoveries by status.", "status"), totals.open_recoveries)
    _each(gauge("dunning_attempts", "Attempts by state.", "state"), totals.attempts)
    _each(gauge("dunning_messages", "Messages by state.", "state"), totals.messages)
    _each(gauge("dunning_invariant_violations", "Rows that break a law.", "law"), totals.violations)
    age = gauge("dunning_invariants_age_seconds", "Time since the laws were looked at.")
    age(None, max((house.clock.now() - totals.violations_at).total_seconds(), 0))


def _each(setter: Setter, numbers: Mapping[str, int]) -> None:
    for value, number in numbers.items():
        setter(value, number)
