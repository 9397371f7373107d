"""What was foretold of months that were not learned from, beside what came, in ten bins per class."""

import random
from datetime import UTC, datetime, timedelta
from itertools import chain
from math import sqrt

from dunning.timing import Attempt, Case, Planner, judge

START = datetime(2026, 1, 5, tzinfo=UTC)
CODES = {"insufficient_funds": "soft_funds", "do_not_honor": "soft_issuer"}


def log(size: int) -> list[Case]:
    """Half a year in which the afternoon pays best, and a share of the cards never does."""
    dice, cases = random.Random(12), []
    for number in range(size):
        at = START + timedelta(days=180) * number / size
        code, dead = dice.choice(list(CODES)), dice.random() < 0.3
        attempts = [Attempt(at, paid=False, decline_code=code)]
        for _ in range(4):
            at += timedelta(hours=dice.randint(14, 80))
            paid = not dead and dice.random() < (0.3 if 12 <= at.hour < 18 else 0.1)
            attempts.append(Attempt(at, paid, None if paid else code))
            if paid:
                break
        cases.append(
            Case(f"in_{number}", 900, "gbp", tuple(attempts), at + timedelta(days=9), 0, country="SN")
        )
    return cases


def test_held_out_months_come_as_they_were_foretold() -> None:
    cases = log(800)
    learned, fresh = cases[:600], cases[600:]
    planner = Planner.fit(learned, now=fresh[0].attempts[0].at)
    table = judge.calibration(chain.from_iterable(judge.foretold(planner, case) for case in fresh))
    assert set(table) == set(CODES.values())
    for bins in table.values():
        assert len(bins) == 10
        tries, paid = (sum(each[key] for each in bins) for key in ("tries", "paid"))
        expected = sum(each["predicted"] * each["tries"] for each in bins)
        assert abs(paid - expected) < 4 * sqrt(expected)
        assert sum(each["paid"] for each in bins[-3:]) > 1.5 * sum(each["paid"] for each in bins[:3])
        for each in bins:
            spread = sqrt(each["tries"] * each["predicted"] * (1 - each["predicted"]))
            assert abs(each["paid"] - each["predicted"] * each["tries"]) < 4 * spread + 0.05 * tries / 10
