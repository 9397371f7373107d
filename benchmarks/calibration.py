"""What the planner foretold of later months, beside what came: ten bins per decline class.

python -m benchmarks.calibration --worlds paydays,moods --past 5000 --cases 1000
"""

import argparse
from itertools import chain

from benchmarks.worlds.catalogue import WORLDS
from benchmarks.worlds.play import history, table
from benchmarks.worlds.unseen import UNSEEN
from benchmarks.worlds.world import TEST
from dunning.timing import Planner, judge


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", default="paydays,moods,prepaid")
    parser.add_argument("--past", type=int, default=5000)
    parser.add_argument("--cases", type=int, default=1000)
    options = parser.parse_args()
    print("| world | class | foretold: came (tries) |\n|---|---|---|")
    for name in options.worlds.split(","):
        world = (WORLDS | UNSEEN)[name]
        past = table(world, 1, options.past, 14, 4, past=True)
        planner = Planner.fit(history(past, 1), now=TEST[0])
        later = list(history(table(world, 1, options.cases, 14, 4), 2, "random"))[: options.cases]
        told = chain.from_iterable(judge.foretold(planner, case) for case in later)
        for kind, bins in judge.calibration(told).items():
            cells = (f"{b['predicted']:.0%}: {b['paid'] / b['tries']:.0%} ({b['tries']})" for b in bins)
            print(f"| {name} | {kind} | {', '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
