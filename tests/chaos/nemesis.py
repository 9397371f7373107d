"""What breaks the city while it works, and the checker that reads only truth logs and the database."""

import contextlib
import json
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from chaos.breakable import Breakable
from chaos_city import City
from redis import Redis
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from dunning.store import invariants

KILLED = ("web", "worker", "worker 2", "worker 3", "clock", "clock 2")
COMMANDS = {name: name.split()[0] for name in KILLED}
OUTCOMES = {"paid": "paid", "declined": "declined", "needs_action": "requires_action"}
# By hand, since days do not pass here: what is planned for later is due now. What was rung for is left alone:
# it rings again within two minutes, and more bells than work keep the workers busy.
HURRY = (
    "UPDATE recoveries SET next_attempt_at = now(), ring_at = now() WHERE status = 'scheduled'",
    "UPDATE messages SET due_at = now(), ring_at = now() WHERE state = 'planned'",
    "UPDATE attempts SET ring_at = now() WHERE state = 'unknown' AND ring_at > now() + interval '2 min'",
    "UPDATE events SET ring_at = now() WHERE state = 'new' AND ring_at > now() + interval '2 min'",
)


BY_HAND = "an entry was recorded after it happened"  # Stripe's clock is moved ahead of ours in the end


@dataclass
class LargeCity(City):
    """A city with a mail server."""

    smtp_port: int = 0

    def _environment(self) -> dict[str, str]:
        mail = {
            "DUNNING_SMTP_URL": f"smtp://127.0.0.1:{self.smtp_port}",
            "DUNNING_MAIL_FROM": "billing@example.com",
        }
        return super()._environment() | mail

    def look_after(self) -> None:
        """Start again what ended by itself, as a supervisor does: a database that is away ends a start."""
        for name in KILLED:
            if self.running[name].poll() is not None:
                self.begin(name)

    def begin(self, name: str) -> None:
        """Start one of the processes that may be killed."""
        self.start(name, COMMANDS[name], *(("--threads", "4") if "worker" in name else ()))

    def run_by_hand(self, *sentences: str) -> None:
        """Change the database; a database that is down is changed next time."""
        engine = create_engine(self.database_url, poolclass=NullPool)
        with contextlib.suppress(SQLAlchemyError), engine.begin() as connection:
            for sentence in sentences:
                connection.execute(text(sentence))


@dataclass
class Nemesis:
    """Breaks one thing after the other, in an order that its seed decides."""

    city: LargeCity
    postgres: Breakable
    redis: Breakable
    seed: int
    longest_stop_s: float
    done: Counter[str] = field(default_factory=Counter)

    def rage(self, seconds: float) -> None:
        """Break something every few seconds, and each of everything at least once."""
        dice, until = random.Random(self.seed), time.monotonic() + seconds
        plan: list[Callable[[random.Random], None]] = []
        while time.monotonic() < until:
            if not plan:
                plan = [self.kill] * 8 + [self.stall, self.flush, self.lose_redis, self.crash_postgres]
                plan += [self.cut, self.provider, self.provider]
                dice.shuffle(plan)
            plan.pop()(dice)
            self.city.look_after()
            self.city.run_by_hand(*HURRY[:2])
            time.sleep(dice.uniform(0.3, 1.5))

    def kill(self, dice: random.Random) -> None:
        """SIGKILL a process; its supervisor starts it again."""
        name = dice.choice(KILLED)
        self.city.kill(name)
        self.city.begin(name)
        self.done[f"SIGKILL of a {COMMANDS[name]}"] += 1

    def stall(self, dice: random.Random) -> None:
        """SIGSTOP a worker for a while: it wakes up in the middle of what others have taken over."""
        process = self.city.running[dice.choice([name for name in KILLED if "worker" in name])]
        process.send_signal(signal.SIGSTOP)
        wake = threading.Timer(
            dice.uniform(self.longest_stop_s / 2, self.longest_stop_s), process.send_signal, [signal.SIGCONT]
        )
        wake.daemon = True
        wake.start()
        self.done["SIGSTOP of a worker"] += 1

    def flush(self, _: random.Random) -> None:
        """Empty Redis: every bell is lost."""
        with Redis.from_url(self.city.redis_url) as redis:
            redis.flushall()
        self.done["Redis emptied"] += 1

    def lose_redis(self, dice: random.Random) -> None:
        """Kill Redis, which keeps nothing, and start it again."""
        self.redis.stop(signal.SIGKILL)
        time.sleep(dice.uniform(0, 2))
        self.redis.start()
        self.done["Redis killed"] += 1

    def crash_postgres(self, dice: random.Random) -> None:
        """Stop PostgreSQL at once, as when the machine goes; it recovers from its log."""
        self.postgres.stop(signal.SIGQUIT)
        time.sleep(dice.uniform(0, 2))
        self.postgres.start()
        self.done["PostgreSQL crashed"] += 1

    def cut(self, _: random.Random) -> None:
        """Cut every connection to the database, in whatever transaction it is."""
        self.city.run_by_hand(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        self.done["connections cut"] += 1

    def provider(self, dice: random.Random) -> None:
        """Let Stripe answer nothing, too late, or something else, before or after the effect."""
        fault: dict[str, Any] = dice.choice(
            [
                {"drop": True},
                {"drop": True, "when": "after"},
                {"status": 500, "when": "after"},
                {"status": 429},
                {"late_seconds": 10},
                {"seconds": 4, "when": "after"},
            ]
        )
        self.city.ask_sandbox("fault", times=3, **fault)
        self.done["Stripe down"] += 3


def load(city: LargeCity, seconds: float, seed: int) -> int:
    """Let invoices fail until the time is over; return how many. Every third card never works again."""
    dice, until, count = random.Random(seed), time.monotonic() + seconds, 0
    hour = datetime.now(UTC).hour  # messages go out by day only
    country = "JP" if hour < 9 else "GB" if hour < 18 else "US"
    while time.monotonic() < until:
        clears = {} if dice.random() < 0.3 else {"clears_after_hours": 0.0005}
        email = f"robin{count}@example.com"
        with contextlib.suppress(httpx.HTTPError):
            city.ask_sandbox("customer", fail="insufficient_funds", email=email, country=country, **clears)
            count += 1
        time.sleep(dice.uniform(0, 0.4))
    return count


def problems(city: LargeCity, mails: list[dict[str, Any]]) -> list[str]:
    """Return everything that is wrong, by the books of Stripe and of the mail server."""
    lines = charges(city)
    engine = create_engine(city.database_url, poolclass=NullPool)
    with engine.connect() as connection:
        broken = invariants.check(connection, datetime.now(UTC))
    laws = [f"{count} rows break: {law}" for law, count in broken.items() if count and law != BY_HAND]
    return [*laws, *_charges(city, lines), *_money(city, lines), *_mails(city, mails), *rest(city, lines)]


def charges(city: LargeCity) -> list[dict[str, Any]]:
    """Return every movement of money to the merchant, by Stripe's own books."""
    books = httpx.get(f"{city.sandbox_url}/_sandbox/books", timeout=60).json()
    return [line for line in books if line["kind"] in {"charge", "out_of_band"}]


def _charges(city: LargeCity, lines: list[dict[str, Any]]) -> list[str]:
    paid = Counter(line["invoice"] for line in lines if line["outcome"] == "paid")
    ours = [line for line in lines if line["made_by"] == "dunning"]
    keys = Counter(line["idempotency_key"] for line in ours)
    booked = {line["idempotency_key"]: line["outcome"] for line in ours}
    rows = city.rows("SELECT idempotency_key AS key, state FROM attempts WHERE ordinal IS NOT NULL")
    kept = {row.key: OUTCOMES[row.state] for row in rows if row.state in OUTCOMES}
    return [
        *(f"{invoice} was paid {times} times" for invoice, times in paid.items() if times > 1),
        *(f"{key} was executed {times} times" for key, times in keys.items() if times > 1),
        *(
            f"{key}: the books say {booked.get(key)}, we say {kept.get(key)}"
            for key in sorted(booked.keys() | kept.keys())
            if booked.get(key) != kept.get(key)
        ),
    ]


def _money(city: LargeCity, lines: list[dict[str, Any]]) -> list[str]:
    failed = {line["invoice"] for line in lines if line["outcome"] == "declined"}
    booked: Counter[str] = Counter()
    for line in lines:
        if line["outcome"] == "paid" and line["invoice"] in failed:
            booked[line["currency"]] += line["amount"]
    rows = city.rows("SELECT currency, sum(amount) AS total FROM ledger_entries GROUP BY currency")
    kept = {row.currency: int(row.total) for row in rows}
    return [] if kept == dict(booked) else [f"the books have {dict(booked)}, the ledger {kept}"]


def _mails(city: LargeCity, mails: list[dict[str, Any]]) -> list[str]:
    accepted = Counter(mail["message"] for mail in mails)
    rows = city.rows("SELECT id, state FROM messages UNION ALL SELECT id, state FROM notices")
    states = {row.id: row.state for row in rows}
    return [
        *(f"mail {one} was accepted {times} times" for one, times in accepted.items() if times > 1),
        *(
            f"mail {one} was accepted and is {states.get(one)}"
            for one in accepted
            if _unseen(states.get(one))
        ),
        *(
            f"{one} is sent, and was never accepted"
            for one in states
            if _imagined(states[one], one, accepted)
        ),
    ]


def _unseen(state: str | None) -> bool:
    return state not in {"sent", "unknown"}


def _imagined(state: str, one: str, accepted: Counter[str]) -> bool:
    return state == "sent" and one not in accepted


def rest(city: LargeCity, lines: list[dict[str, Any]]) -> list[str]:
    """Every failed invoice has its recovery, and none that was paid is open."""
    failed = {line["invoice"] for line in lines if line["outcome"] == "declined"}
    paid = {line["invoice"] for line in lines if line["outcome"] == "paid"}
    status = {row.invoice_id: row.status for row in city.rows("SELECT invoice_id, status FROM recoveries")}
    return [
        *(f"{one} failed and has no recovery" for one in sorted(failed - status.keys())),
        *(f"{one} is paid and {status[one]}" for one in failed & paid if status.get(one) != "recovered"),
    ]


def under_way(city: LargeCity) -> dict[str, int]:
    """Return how much is under way, by kind and state."""
    city.run_by_hand(*HURRY[2:])  # what failed often waits ten minutes and more
    found = city.rows(
        "SELECT 'event ' || state AS what, count(*) AS n FROM events WHERE state = 'new' GROUP BY 1 "
        "UNION ALL SELECT 'attempt ' || state, count(*) FROM attempts "
        "WHERE state IN ('planned', 'asking', 'unknown', 'processing') GROUP BY 1 "
        "UNION ALL SELECT 'message ' || state, count(*) FROM messages WHERE state = 'sending' GROUP BY 1"
    )
    return {row.what: int(row.n) for row in found}


def quiet(city: LargeCity, told: list[str]) -> bool:
    """Return whether nothing is under way any more; `told` hears what still is, each time it changes."""
    now = str(under_way(city))
    if told[-1:] != [now]:
        told.append(now)
    return now == "{}"


def latencies(city: LargeCity) -> dict[str, float]:
    """Return the 99th percentile of the seconds from due to done, of events and of charges that ended."""
    query = (
        "SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM {0} - {1})) AS p FROM {2} "
        "WHERE {0} IS NOT NULL"
    )
    events = city.rows(query.format("handled_at", "received_at", "events"))[0].p
    charges = city.rows(query.format("finished_at", "at", "attempts") + " AND ordinal IS NOT NULL")[0].p
    return {"event handled": round(float(events or 0), 1), "charge ended": round(float(charges or 0), 1)}


def read_mails(log: Any) -> list[dict[str, Any]]:
    """Return what the mail server has accepted, oldest first."""
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
