"""Recoveries a second through the whole of it, with one worker process and with two.

    python -m benchmarks.pipeline --recoveries 200

Real processes: sandbox, web, worker and clock, PostgreSQL that waits for the disk, Redis' protocol, an SMTP
sink. So many invoices fail; the webhooks wait until the watch starts. Each recovery is then decided and
planned and its customer written to; its retry is made due, charged at the sandbox, and Stripe's answer and
webhooks end it. Beside it stands what the parts alone would take in one thread of the same machine, one after
another: the calls to the sandbox, the mails rendered and handed over, the commits.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as clock_time
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

import httpx
from aiosmtpd.controller import Controller
from servers import postgres, valkey
from sqlalchemy import text

from benchmarks.ground import database, environment, free_port, running, upgraded
from benchmarks.parts import parts_s
from benchmarks.table import Row, show
from dunning.core.campaign import BUILT_IN
from dunning.core.sending import Sending
from dunning.store import sending
from dunning.store.engine import Store

CALM = 20
WITHIN_S = 600
CAMPAIGN = f"""
key = "{BUILT_IN.key}"
name = "A mail at once"

[[steps]]
key = "first"
offset = "0h"
template = "payment_failed"
"""
DECIDED = "SELECT count(*) FROM recoveries WHERE status = 'scheduled' AND taken_over"
PAID = "SELECT count(*) FROM recoveries WHERE status = 'recovered'"
DUE_NOW = (
    "UPDATE recoveries SET next_attempt_at = now(), ring_at = now() WHERE status = 'scheduled' AND taken_over"
)
WAITED = (
    "SELECT extract(epoch FROM r.opened_at - min(e.received_at)) FROM recoveries r JOIN events e "
    "ON e.object_id = r.invoice_id WHERE e.type = 'invoice.payment_failed' GROUP BY r.id, r.opened_at"
)
COMMITS = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recoveries", type=int, default=200)
    options = parser.parse_args()
    show("Pipeline", rows(options.recoveries))


def rows(count: int) -> list[Row]:
    """Run the pipeline with one worker process and with two."""
    told: list[Row] = []
    for workers in (1, 2):
        with town() as here:
            told += _calm(here) if workers == 1 else []
            seconds, bound = _storm(here, count, workers)
            rate, ratio = count / seconds, bound / seconds
            processes = "one worker process" if workers == 1 else "two worker processes"
            what = f"webhook → decision → mail → charge → recovered, {processes}"
            beside = f"{ratio:.2f} of its parts one after another ({bound / count * 1000:.0f} ms each)"
            told.append(Row(what, f"{rate:.1f} recoveries/s", "≥ 0.6" if workers == 1 else "", beside))
    return told


class Sink:
    """Counts the mails that arrive."""

    def __init__(self) -> None:
        self.mails = 0

    async def handle_DATA(self, *_: object) -> str:  # noqa: N802 - aiosmtpd's name
        self.mails += 1
        return "250 OK"


@dataclass
class Town:
    """The running processes, and how to reach them."""

    store: Store
    given: dict[str, str]
    sandbox: str
    receiver: str
    sink: Sink
    smtp: int

    def tell(self, action: str, **details: Any) -> None:
        httpx.post(f"{self.sandbox}/_sandbox/{action}", json=details, timeout=60).raise_for_status()

    def calls(self) -> int:
        return int(httpx.get(f"{self.sandbox}/_sandbox/summary", timeout=60).json()["requests"])

    def number(self, query: str) -> int:
        with self.store.read() as connection:
            return int(connection.execute(text(query)).scalar_one())

    def fail(self, count: int) -> None:
        for number in range(count):
            email = f"robin{number}.{time.monotonic_ns()}@example.com"
            self.tell("customer", fail="insufficient_funds", clears_after_hours=0.0001, email=email)


@contextmanager
def town() -> Iterator[Town]:
    """Start everything but the workers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dunning-pipeline-")))
        url = database(stack.enter_context(postgres(durable=True)), "pipeline")
        store = upgraded(url)
        stack.callback(store.engine.dispose)
        sink, smtp, web, sandbox = Sink(), free_port(), free_port(), free_port()
        controller = Controller(sink, hostname="127.0.0.1", port=smtp)
        controller.start()
        stack.callback(controller.stop)
        given = environment(
            folder,
            DATABASE_URL=url,
            REDIS_URL=stack.enter_context(valkey()),
            STRIPE_API_BASE=f"http://127.0.0.1:{sandbox}",
            DUNNING_RETRIES="own",
            DUNNING_MESSAGES="on",
            DUNNING_MAIL_FROM="billing@example.com",
            DUNNING_SMTP_URL=f"smtp://127.0.0.1:{smtp}?starttls=off",
            DUNNING_PUBLIC_URL="https://pay.example.com",
            DUNNING_CHARGE_RATE="0",
            DUNNING_READ_RATE="0",
        )
        receiver = f"http://127.0.0.1:{web}/webhooks/stripe"
        stack.enter_context(running(["dunning", "sandbox", "--port", str(sandbox)], sandbox, given))
        stack.enter_context(running(["dunning", "web", "--port", str(web)], web, given))
        campaign = folder / "campaign.toml"
        campaign.write_text(CAMPAIGN, encoding="utf-8")
        with store.write() as connection:
            all_day = Sending(opening=clock_time(0), closing=clock_time(23, 59))
            sending.put(connection, all_day, at=datetime.now(UTC), by="benchmark")
        with running(["dunning", "campaign", "publish", str(campaign)], None, given) as publishing:
            publishing.wait(60)
        stack.enter_context(running(["dunning", "clock"], None, given))
        yield Town(store, given, f"http://127.0.0.1:{sandbox}", receiver, sink, smtp)


def _calm(here: Town) -> list[Row]:
    """Let invoices fail one at a time, and tell how long each waited to be decided."""
    with running(["dunning", "worker"], None, here.given):
        here.tell("set", deliver_to=here.receiver)
        for number in range(CALM):
            here.fail(1)
            _until(lambda least=number + 1: here.number(DECIDED) >= least)
        with here.store.read() as connection:
            waited = sorted(float(row[0]) for row in connection.execute(text(WAITED)))
        with here.store.write() as connection:
            connection.execute(text(DUE_NOW))
        _until(lambda: here.number(PAID) == CALM)
    p99 = quantiles(waited, n=100, method="inclusive")[98]
    figure = f"p50 {median(waited) * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms"
    return [Row("from the webhook kept to the recovery decided, one at a time", figure)]


def _storm(here: Town, count: int, workers: int) -> tuple[float, float]:
    """Return the seconds that everything took, and those that its parts would."""
    here.tell("set", deliver_to=None)
    paid, mails = here.number(PAID), here.sink.mails
    here.fail(count)
    calls, commits = here.calls(), here.number(COMMITS)
    with ExitStack() as stack:
        for _ in range(workers):
            stack.enter_context(running(["dunning", "worker"], None, here.given))
        time.sleep(6)  # their imports are not the pipeline's
        began = perf_counter()
        here.tell("set", deliver_to=here.receiver)
        here.tell("deliver")
        _until(lambda: here.number(DECIDED) == count)
        with here.store.write() as connection:
            connection.execute(text(DUE_NOW))
        _until(lambda: here.number(PAID) == paid + count and here.sink.mails >= mails + count)
        seconds = perf_counter() - began
    done = {
        "calls": here.calls() - calls,
        "commits": here.number(COMMITS) - commits,
        "mails": here.sink.mails - mails,
    }
    return seconds, parts_s(here.store, here.sandbox, here.smtp, **done)


def _until(true: Callable[[], bool]) -> None:
    give_up = perf_counter() + WITHIN_S
    while not true():
        if perf_counter() > give_up:
            raise RuntimeError(f"it did not happen within {WITHIN_S} s")
        time.sleep(0.05)


if __name__ == "__main__":
    main()
