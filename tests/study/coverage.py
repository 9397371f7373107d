"""How often the backtest's 95 % interval holds what the policy then achieves: `make study`."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from study.town import POLICIES, Visible, logged, people, truth

from dunning.flows.backtest import evidence
from dunning.timing.offpolicy import Interval

INVOICES = 5000
CROWD = 600


@dataclass
class Kept:
    """One estimate over the seeds: how often it held the truth, and how far off and how wide it was."""

    held: int = 0
    tried: int = 0
    misses: list[float] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)

    def note(self, interval: Interval | None, is_true: float) -> None:
        """Write one seed down; a refusal holds nothing."""
        if interval is None:
            return
        self.tried += 1
        self.held += interval.low <= is_true <= interval.high
        self.misses.append(interval.value - is_true)
        self.widths.append(interval.high - interval.low)


def covered(crowd: list[Visible], seeds: Iterable[int]) -> dict[tuple[str, str], tuple[float, Kept]]:
    """Return, per policy and estimate, the truth and how the estimates stood to it."""
    truths = {name: truth(crowd, name) for name in POLICIES}
    found: dict[tuple[str, str], tuple[float, Kept]] = {}
    for seed in seeds:
        outcomes = logged(crowd, seed, INVOICES)
        for name, policy in POLICIES.items():
            _, invoices, money = evidence(policy, outcomes)
            told = {
                "SNIPS": invoices and invoices.snips,
                "doubly robust": invoices and invoices.robust,
                "money, doubly robust": money["usd"].robust if "usd" in money else None,
            }
            for estimate, interval in told.items():
                kept = found.setdefault((name, estimate), (truths[name], Kept()))[1]
                kept.note(interval, truths[name])
    return found


def table(rows: dict[tuple[str, str], tuple[float, Kept]]) -> Iterator[str]:
    """Yield the lines of the table of `docs/backtest-study.md`; errors and widths in points."""
    yield "| policy | estimate | achieves | held | mean error | mean width |"
    yield "|---|---|---|---|---|---|"
    for (name, estimate), (is_true, kept) in rows.items():
        error = sum(kept.misses) / max(kept.tried, 1) * 100
        width = sum(kept.widths) / max(kept.tried, 1) * 100
        held = f"{kept.held} of {kept.tried}"
        yield f"| {name} | {estimate} | {is_true:.1%} | {held} | {error:+.2f} | {width:.1f} |"


if __name__ == "__main__":
    seeds = range(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
    sys.stdout.write("\n".join(table(covered(people(CROWD, seed=1), seeds))) + "\n")
