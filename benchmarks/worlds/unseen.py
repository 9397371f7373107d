"""Worlds that nobody looked at while the planner was made: they are run, and nothing is changed for them."""

from typing import Final

import numpy as np

from benchmarks.worlds import calendars
from benchmarks.worlds.catalogue import EUROPE, Mix
from benchmarks.worlds.mechanisms import Chance, Clock, Dice, cleared, lognormal, money
from benchmarks.worlds.world import Seen, Words, World


def nights(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Banks that book at night: what was refused by day mostly clears before six."""
    mix = Mix(dice, clock, {"funds": 0.6, "block": 0.25, "dead": 0.15})
    count = len(mix.who("funds"))
    mix.fill("funds", cleared(mix.part("funds"), dice.exponential(110, count), dice.exponential(120, count)))
    mix.fill("block", cleared(mix.part("block"), lognormal(dice, len(mix.who("block")), 40, 1)))
    return *mix.codes({}), mix.chance * np.where(clock.hour < 6, 0.95, 0.3).astype(np.float32)


def weekends(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Money of markets and tips: it comes on Saturday and Sunday at noon and is spent by Tuesday."""
    mix = Mix(dice, clock, {"funds": 0.7, "block": 0.1, "dead": 0.2})
    count = len(mix.who("funds"))
    calendar = calendars.mixed(
        {calendars.weekly((0, 0, 0, 0, 0, 2, 1)): 0.7, calendars.fortnightly((0, 0, 0, 0, 0, 1, 1)): 0.3}
    )
    posted = dice.choice([11.0, 13.0, 15.0], count)
    mix.fill("funds", money(dice, mix.part("funds"), calendar, posted, lognormal(dice, count, 30, 0.5)))
    mix.fill("block", cleared(mix.part("block"), lognormal(dice, len(mix.who("block")), 60, 1)))
    return *mix.codes({}), mix.chance


def fading(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Cards that come back within a day or two, and are closed for good some days later."""
    mix = Mix(dice, clock, {"funds": 0.4, "block": 0.4, "dead": 0.2})
    for cause, clears in (("funds", 40), ("block", 20)):
        count = len(mix.who(cause))
        mix.fill(
            cause, cleared(mix.part(cause), dice.exponential(clears, count), dice.exponential(100, count))
        )
    return *mix.codes({}), mix.chance


def late(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Nothing moves for a week; then reviews end and cards are replaced."""
    mix = Mix(dice, clock, {"block": 0.5, "credit": 0.3, "dead": 0.2})
    for cause, days, spread in (("block", 9, 0.25), ("credit", 7, 0.4)):
        count = len(mix.who(cause))
        mix.fill(cause, cleared(mix.part(cause), lognormal(dice, count, days * 24, spread)))
    return *mix.codes({}), mix.chance


def decades(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Paid every tenth of the month in the afternoon, in two countries of the same region."""
    mix = Mix(dice, clock, {"funds": 0.75, "credit": 0.1, "dead": 0.15})
    count = len(mix.who("funds"))
    calendar = calendars.dated((10, 20), (10,), (20,), (3, 13), earlier=False)
    posted = dice.choice([13.0, 16.0], count)
    mix.fill("funds", money(dice, mix.part("funds"), calendar, posted, lognormal(dice, count, 45, 0.5)))
    count = len(mix.who("credit"))
    mix.fill("credit", cleared(mix.part("credit"), dice.uniform(0, 20, count) * 24))
    return *mix.codes({}), mix.chance


def shifts(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Every card has six hours of the day of its own at which it mostly works."""
    mix = Mix(dice, clock, {"block": 0.8, "dead": 0.2})
    start = dice.integers(0, 24, clock.size)[:, None]
    inside = (clock.hour - start) % 24 < 6
    chance = np.where(inside, 0.7, 0.05).astype(np.float32)
    return *mix.codes({}), np.where((mix.cause == "dead")[:, None], np.float32(0), chance)


UNSEEN: Final = {
    world.name: world
    for world in (
        World("nights", {"US": 0.5, "GB": 0.5}, (0.6, 0.4, 0), nights),
        World("weekends", {"US": 0.4, "FR": 0.6}, (0.7, 0.2, 0.1), weekends),
        World("fading", EUROPE, (0.5, 0.5, 0), fading),
        World("late", {"GB": 0.5, "JP": 0.5}, (0.4, 0.6, 0), late),
        World("decades", {"FR": 0.5, "BR": 0.5}, (0.8, 0.2, 0), decades),
        World("shifts", {"US": 0.7, "IN": 0.3}, (0.5, 0.5, 0), shifts),
    )
}
