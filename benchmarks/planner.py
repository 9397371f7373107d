"""How long a choice and a fit take, beside a naive policy on the same cases.

    python -m benchmarks.planner --attempts 1000000

The naive policy looks up the paid share of past tries by local hour and weekday and takes the best hour of
the window; its time is the yardstick: ratios mean the same on any machine.
"""

import argparse
import resource
from datetime import datetime, timedelta
from statistics import median
from time import process_time
from zoneinfo import ZoneInfo

import numpy as np

from benchmarks.worlds.catalogue import WORLDS
from benchmarks.worlds.play import case, history, table
from benchmarks.worlds.world import TEST
from dunning.timing import Case, Planner

REPEATED = 5


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--attempts", type=int, default=50_000)
    options = parser.parse_args()
    cases = _cases(options.attempts)
    count = sum(len(past.attempts) for past in cases)
    naive, naive_fit = _timed(lambda: Naive(cases))
    planner, fit = _timed(lambda: Planner.fit(cases, now=TEST[0]))
    data, saved = _timed(planner.dumps)
    _, loaded = _timed(lambda: Planner.loads(data))
    print(
        f"fit of {count:,} attempts: {fit:.1f} s, naive counts {naive_fit:.1f} s, ratio {fit / naive_fit:.1f}"
    )
    print(f"saved {len(data) / 1e6:.1f} MB in {saved:.2f} s, loaded in {loaded:.2f} s")
    told = table(WORLDS["paydays"], 1, 200, 14, 4)
    questions = [case(told, row) for row in range(200)]
    ours = _each(lambda asked: planner.choose(asked, now=asked.attempts[-1].at), questions)
    theirs = _each(naive.choose, questions)
    print(f"choice: median {ours * 1000:.2f} ms, naive {theirs * 1000:.3f} ms, ratio {ours / theirs:.1f}")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{1 / ours:,.0f} choices/s; {memory:,.0f} MB at the most, the history and both planners included")
    refused = [case(told, row, (3 * 86400,), refused=True) for row in range(200)]
    later = _each(lambda asked: planner.choose(asked, now=asked.attempts[-1].at), refused)
    print(f"choice after a refused retry: median {later * 1000:.2f} ms (CPU time)")


def _cases(attempts: int) -> list[Case]:
    """A long history; beyond 60,000 cases the same ones again under other names."""
    told = table(WORLDS["paydays"], 1, min(60_000, attempts // 3), 14, 4, past=True)
    found = list(history(told, 1))
    size = sum(len(past.attempts) for past in found)
    copies = [
        Case(
            id=f"{past.id}_{number}",
            customer=f"{past.customer}_{number}",
            **{name: getattr(past, name) for name in Case.__slots__ if name not in {"id", "customer"}},
        )
        for number in range(1, -(-attempts // size))
        for past in found
    ]
    return [*found, *copies]


class Naive:
    """The paid share by local hour and weekday, and the best hour of the window by it."""

    def __init__(self, cases: list[Case]) -> None:
        tries, paid = np.zeros(168), np.zeros(168)
        for past in cases:
            zone = ZoneInfo(past.timezone or "UTC")
            for attempt in past.attempts[1:]:
                index = _week_hour(attempt.at.astimezone(zone))
                tries[index] += 1
                paid[index] += attempt.paid
        self._share = (paid + 1) / (tries + 10)

    def choose(self, asked: Case) -> datetime:
        zone, start = ZoneInfo(asked.timezone or "UTC"), asked.attempts[-1].at + timedelta(hours=12)
        hours = int((asked.deadline - start) / timedelta(hours=1))
        moments = [start + timedelta(hours=hour) for hour in range(hours)]
        return max(moments, key=lambda at: self._share[_week_hour(at.astimezone(zone))])


def _week_hour(local: datetime) -> int:
    return local.weekday() * 24 + local.hour


def _timed(act):  # noqa: ANN001, ANN202 (any act, its answer and the seconds)
    start = process_time()
    answer = act()
    return answer, process_time() - start


def _each(ask, questions: list[Case]) -> float:  # noqa: ANN001
    """Median over the questions of the fastest of some repetitions."""
    return median(
        min(_timed(lambda asked=asked: ask(asked))[1] for _ in range(REPEATED)) for asked in questions
    )


if __name__ == "__main__":
    main()
