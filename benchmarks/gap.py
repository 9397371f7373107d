"""How much of the gap between the best simple schedule and a clairvoyant the planner closes, by world.

    python -m benchmarks.gap --worlds paydays,flat --sizes 0,500,5000 --seeds 2 --cases 200
    python -m benchmarks.gap --play --cases 1000

Without `--play` every schedule is scored in expectation over many hidden courses of the same visible case, so
that luck is averaged away, and the best schedule that the visible facts allow is shown beside the planner.
With `--play` each case has one course, and each answer is fed back to the planner.

Intervals are of 95 %, by a bootstrap over the cases. The best simple schedule is the best of 50 in hindsight:
days 1/3/5/7 and evenly spread, at the hour of the failure and at every fixed hour.
`docs/planner-benchmark.md` holds what this prints.
"""

import argparse
from typing import Any

import numpy as np

from benchmarks.worlds.catalogue import WORLDS
from benchmarks.worlds.panel import panel, planned
from benchmarks.worlds.play import history, played, schedules, table
from benchmarks.worlds.unseen import UNSEEN
from benchmarks.worlds.world import TEST
from dunning.timing import Planner

COLUMNS = (
    "world", "past", "1/3/5/7", "even", "best simple", "planner", "visible", "clairvoyant",
    "less even", "less best simple", "gap closed", "of visible",
)  # fmt: skip
HEAD = f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}"
EVERY = {**WORLDS, **UNSEEN}


def main() -> None:
    options = _options()
    print(HEAD)
    for name in options.worlds.split(",") if options.worlds else EVERY:
        seeds = range(options.first, options.first + options.seeds)
        courses = [
            _played_course(name, seed, options) if options.play else _panel(name, seed, options)
            for seed in seeds
        ]
        for size in map(int, options.sizes.split(",")):
            fits = [_fitted(name, size, seed, options) for seed in seeds]
            won = [course["score"](planner) for course, planner in zip(courses, fits, strict=True)]
            _show(name, size, courses, won)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--worlds", default="")
    parser.add_argument("--sizes", default="0,500,5000")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--cases", type=int, default=200)
    parser.add_argument("--days", type=int, default=14)
    parser.add_argument("--tries", type=int, default=4)
    parser.add_argument(
        "--style", default="mixed", choices=["mixed", "ladder", "random"], help="how history was made"
    )
    parser.add_argument("--play", action="store_true")
    return parser.parse_args()


def _fitted(name: str, size: int, seed: int, options: argparse.Namespace) -> Planner:
    past = table(EVERY[name], seed, max(size, 1), options.days, options.tries, past=True)
    cases = list(history(past, seed, options.style))[:size]
    return Planner.fit(cases, now=TEST[0])


def _panel(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    found = panel(EVERY[name], seed, options.cases, options.days, options.tries)
    return {
        "value": found.value,
        "simple": found.simple(),
        "visible": found.best(),
        "sight": found.sight(),
        "score": lambda planner: found.scored(planned(found.told, planner)),
    }


def _played_course(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    told = table(EVERY[name], seed, options.cases, options.days, options.tries)
    return {
        "value": told.value,
        "simple": {key: won.astype(np.float64) for key, won in schedules(told).items()},
        "visible": np.full(options.cases, np.nan),
        "sight": told.paid[:, 1:].any(axis=1).astype(np.float64),
        "score": lambda planner: played(told, planner)[0].astype(np.float64),
    }


def _show(name: str, size: int, courses: list[dict[str, Any]], won: list[np.ndarray]) -> None:
    value = np.concatenate([course["value"] for course in courses])
    simple = {
        key: np.concatenate([course["simple"][key] for course in courses]) for key in courses[0]["simple"]
    }
    best = max(simple, key=lambda key: float(value @ simple[key]))
    rows = np.stack(
        [
            np.concatenate(won),
            simple[best],
            *(np.concatenate([course[key] for course in courses]) for key in ("sight", "visible")),
            simple["even"],
            simple["ladder"],
        ]
    )
    planner, base, sight, visible, even, ladder = rows @ value / value.sum()
    below, over, closed = _intervals(value, rows)
    words = best.replace("ladder", "1/3/5/7").replace("@", " at ")
    cells = [
        name,
        f"{size:,}",
        f"{ladder:.1%}",
        f"{even:.1%}",
        f"{base:.1%} ({words})",
        *(f"{share:.1%}" for share in (planner, visible, sight)),
        f"{(planner - even) * 100:+.1f} ({below})",
        f"{(planner - base) * 100:+.1f} ({over})",
        f"{(planner - base) / (sight - base):.0%} ({closed})",
        f"{(planner - base) / (visible - base):.0%}",
    ]
    print(f"| {' | '.join(cells)} |", flush=True)


def _intervals(value: np.ndarray, rows: np.ndarray) -> tuple[str, str, str]:
    """Bootstrap over the cases of all seeds; the best simple schedule is held fixed."""
    dice, drawn = np.random.default_rng(0), []
    for _ in range(500):
        who = dice.integers(0, len(value), len(value))
        planner, base, sight, _, even, _ = rows[:, who] @ value[who] / value[who].sum()
        drawn.append((planner - even, planner - base, (planner - base) / max(sight - base, 1e-9)))
    low, high = np.quantile(np.array(drawn), (0.025, 0.975), axis=0)
    points = [f"{a * 100:+.1f} to {b * 100:+.1f}" for a, b in zip(low[:2], high[:2], strict=True)]
    return points[0], points[1], f"{low[2]:.0%} to {high[2]:.0%}"


if __name__ == "__main__":
    main()
