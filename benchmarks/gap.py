"""How much of the gap between the best simple schedule and a clairvoyant the planner closes, by world.

    python -m benchmarks.gap --worlds paydays,flat --sizes 0,500,5000 --seeds 2 --cases 200
    python -m benchmarks.gap --play --cases 1000

Without `--play` every schedule is scored in expectation over many hidden courses of the same visible case, so
that luck is averaged away, and the best schedule that the visible facts allow is shown beside the planner.
With `--play` each case has one course, and each answer is fed back to the planner.
"""

import argparse
from time import process_time
from typing import Any

import numpy as np

from benchmarks.worlds.catalogue import WORLDS
from benchmarks.worlds.panel import panel, planned
from benchmarks.worlds.play import history, played, schedules, table
from benchmarks.worlds.world import TEST
from dunning.timing import Planner

HEAD = (
    "world       past   even  best simple      planner  visible  clairv."
    " | gap closed (95 %)       of visible | fit s"
)


def main() -> None:
    options = _options()
    print(HEAD)
    for name in options.worlds.split(",") if options.worlds else WORLDS:
        seeds = range(options.first, options.first + options.seeds)
        courses = [
            _played_course(name, seed, options) if options.play else _panel(name, seed, options)
            for seed in seeds
        ]
        for size in map(int, options.sizes.split(",")):
            fits = [_fitted(name, size, seed, options) for seed in seeds]
            won = [course["score"](planner) for course, (planner, _) in zip(courses, fits, strict=True)]
            _show(name, size, courses, won, float(np.mean([seconds for _, seconds in fits])))


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


def _fitted(name: str, size: int, seed: int, options: argparse.Namespace) -> tuple[Planner, float]:
    past = table(WORLDS[name], seed, max(size, 1), options.days, options.tries, past=True)
    cases = list(history(past, seed, options.style))[:size]
    start = process_time()
    return Planner.fit(cases, now=TEST[0]), process_time() - start


def _panel(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    found = panel(WORLDS[name], seed, options.cases, options.days, options.tries)
    return {
        "value": found.value,
        "simple": found.simple(),
        "visible": found.best(),
        "sight": found.sight(),
        "score": lambda planner: found.scored(planned(found.told, planner)),
    }


def _played_course(name: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    told = table(WORLDS[name], seed, options.cases, options.days, options.tries)
    return {
        "value": told.value,
        "simple": {key: won.astype(np.float64) for key, won in schedules(told).items()},
        "visible": np.full(options.cases, np.nan),
        "sight": told.paid[:, 1:].any(axis=1).astype(np.float64),
        "score": lambda planner: played(told, planner)[0].astype(np.float64),
    }


def _show(name: str, size: int, courses: list[dict[str, Any]], won: list[np.ndarray], seconds: float) -> None:
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
        ]
    )
    planner, base, sight, visible, even = rows @ value / value.sum()
    low, high = _interval(value, rows)
    print(
        f"{name:10} {size:6} {even:6.1%} {base:6.1%} {best:10} {planner:7.1%} {visible:8.1%} {sight:8.1%}"
        f" | {(planner - base) / (sight - base):6.1%} ({low:6.1%} to {high:6.1%})"
        f" {(planner - base) / (visible - base):10.1%} | {seconds:5.1f}",
        flush=True,
    )


def _interval(value: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """Bootstrap over the cases of all seeds; the best simple schedule is held fixed."""
    dice, shares = np.random.default_rng(0), []
    for _ in range(500):
        who = dice.integers(0, len(value), len(value))
        planner, base, sight = rows[:3, who] @ value[who]
        shares.append((planner - base) / max(sight - base, 1e-9))
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(low), float(high)


if __name__ == "__main__":
    main()
