"""The worlds: each has mechanisms of its own, and none of them is the planner's."""

from typing import Final

import numpy as np

from benchmarks.worlds import calendars
from benchmarks.worlds.mechanisms import (
    BAD,
    Chance,
    Clock,
    Dice,
    Reals,
    cleared,
    limit,
    lognormal,
    money,
    never,
    nightly,
)
from benchmarks.worlds.world import Seen, Words, World

CODES: Final = {
    "funds": {"insufficient_funds": 0.78, "generic_decline": 0.11, "do_not_honor": 0.11},
    "credit": {
        "insufficient_funds": 0.62,
        "generic_decline": 0.19,
        "do_not_honor": 0.14,
        "card_velocity_exceeded": 0.05,
    },
    "block": {"generic_decline": 0.5, "do_not_honor": 0.4, "try_again_later": 0.1},
    "technical": {"processing_error": 0.45, "issuer_not_available": 0.4, "try_again_later": 0.15},
    "limit": {
        "card_velocity_exceeded": 0.6,
        "withdrawal_count_limit_exceeded": 0.15,
        "generic_decline": 0.25,
    },
    "dead": {"generic_decline": 0.5, "do_not_honor": 0.3, "insufficient_funds": 0.2},
}
PAY: Final = {
    "US": calendars.US,
    "GB": calendars.BRITAIN,
    "BR": calendars.BRAZIL,
    "JP": calendars.JAPAN,
    "SA": calendars.GULF,
    "IN": calendars.INDIA,
    "PH": calendars.PHILIPPINES,
}


class Mix:
    """Cases sorted by hidden cause, each filled in by its mechanism."""

    def __init__(self, dice: Dice, clock: Clock, shares: dict[str, Reals | float]) -> None:
        self.dice, self.clock = dice, clock
        table = np.stack([np.broadcast_to(share, clock.size) for share in shares.values()], axis=1)
        edges = np.cumsum(table / table.sum(axis=1, keepdims=True), axis=1)
        index = (dice.random(clock.size)[:, None] > edges).sum(axis=1)
        self.cause = np.array(list(shares))[np.minimum(index, len(shares) - 1)]
        self.chance: Chance = never(clock)

    def who(self, cause: str) -> np.ndarray:
        return np.flatnonzero(self.cause == cause)

    def part(self, cause: str) -> Clock:
        return Clock(self.clock.local[self.who(cause)])

    def fill(self, cause: str, chance: Chance) -> None:
        self.chance[self.who(cause)] = chance

    def codes(self, names: dict[str, str]) -> tuple[Words, Words]:
        code, again = (
            np.full(shape, "generic_decline", dtype="U40")
            for shape in ((self.clock.size,), (self.clock.size, 8))
        )
        for cause in np.unique(self.cause):
            who, table = self.who(str(cause)), CODES[names.get(str(cause), str(cause))]
            drawn = self.dice.choice(
                list(table), (len(who), 9), p=np.array(list(table.values())) / sum(table.values())
            )
            code[who] = drawn[:, 0]
            again[who] = np.where(self.dice.random((len(who), 8)) < 0.8, drawn[:, :1], drawn[:, 1:])
        return code, again


def _by_country(dice: Dice, seen: Seen, clock: Clock, who: np.ndarray, posted: Reals, lasts: Reals) -> Chance:
    out = never(clock)
    for country in np.unique(seen.country[who]):
        mine = np.flatnonzero(seen.country[who] == country)
        calendar = PAY.get(str(country), calendars.EUROPE)
        out[mine] = money(dice, Clock(clock.local[mine]), calendar, posted[mine], lasts[mine])
    return out


def _posted(dice: Dice, size: int, hours: tuple[int, ...], shares: tuple[float, ...]) -> Reals:
    return dice.choice(hours, size, p=np.array(shares) / sum(shares)).astype(np.float64)


def paydays(dice: Dice, seen: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Pay calendars of five countries beside the usual troubles."""
    credit = seen.funding == "credit"
    mix = Mix(
        dice,
        clock,
        {
            "funds": np.where(credit, 0.05, 0.6),
            "credit": np.where(credit, 0.35, 0.0),
            "block": np.where(credit, 0.35, 0.15),
            "technical": 0.05,
            "limit": 0.04,
            "dead": 0.15,
        },
    )
    who = mix.who("funds")
    lasts = lognormal(dice, len(who), 55, 0.7) * (2800 / seen.amount[who]) ** 0.3
    posted = _posted(dice, len(who), (0, 3, 6, 9, 17), (0.15, 0.3, 0.3, 0.2, 0.05))
    mix.fill("funds", _by_country(dice, seen, mix.part("funds"), who, posted, lasts))
    count = len(mix.who("credit"))
    days = np.where(dice.random(count) < 0.25, 99, dice.uniform(0, 30, count)) * 24
    mix.fill("credit", cleared(mix.part("credit"), days, dice.exponential(288, count)))
    count = len(mix.who("block"))
    hours = np.where(dice.random(count) < 0.35, 9999, lognormal(dice, count, 36, 1.2))
    mix.fill("block", cleared(mix.part("block"), hours))
    mix.fill("technical", cleared(mix.part("technical"), dice.exponential(5, len(mix.who("technical")))))
    mix.fill("limit", limit(dice, mix.part("limit"), (0.6, 0.2, 0.2, 0)))
    return *mix.codes({}), nightly(mix.chance, clock)


def month_end(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Everybody is paid in the last days of the month; cards are paid down in the first days."""
    mix = Mix(dice, clock, {"funds": 0.65, "credit": 0.2, "dead": 0.15})
    count = len(mix.who("funds"))
    calendar = calendars.dated((31,), (31,), (29,), (28,))
    posted, lasts = _posted(dice, count, (7, 12), (0.7, 0.3)), lognormal(dice, count, 40, 0.6)
    mix.fill("funds", money(dice, mix.part("funds"), calendar, posted, lasts))
    count = len(mix.who("credit"))
    early = calendars.dated((2,), (3,), (5,), earlier=False)
    mix.fill(
        "credit",
        money(dice, mix.part("credit"), early, np.zeros(count) + 4, lognormal(dice, count, 200, 0.5)),
    )
    return *mix.codes({}), mix.chance


def moods(dice: Dice, seen: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Issuers refuse by mood: each has hours and weekdays at which it approves."""
    fixed = np.random.default_rng(77)
    names = np.char.add(np.char.add(seen.country, seen.brand), seen.funding)
    issuer = np.array([hash_of(str(name)) for name in names]) % 12
    by_hour = fixed.gamma(0.7, 1, (12, 8))[:, np.arange(24) // 3]
    by_day = fixed.gamma(1.5, 1, (12, 7))
    mood = by_hour[issuer[:, None], clock.hour] * by_day[issuer[:, None], clock.weekday]
    temper = dice.beta(0.8, 1.2, clock.size)[:, None]
    mix = Mix(dice, clock, {"block": 0.85, "dead": 0.15})
    chance = np.minimum(0.35 * mood * temper, 0.95).astype(np.float32)
    return *mix.codes({}), np.where((mix.cause == "dead")[:, None], BAD, chance)


def hash_of(name: str) -> int:
    return int.from_bytes(name.encode(), "big") % 1009


def outages(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Lines break for hours, some for days, and every night there is a maintenance window."""
    mix = Mix(dice, clock, {"technical": 0.75, "block": 0.15, "dead": 0.1})
    count = len(mix.who("technical"))
    hours = np.where(
        dice.random(count) < 0.75, lognormal(dice, count, 12, 1.2), lognormal(dice, count, 120, 0.5)
    )
    mine = mix.part("technical")
    flaky = dice.random((count, clock.local.shape[1] // 24 + 1)) < 0.4  # days on which the line is down again
    down = np.take_along_axis(flaky, np.broadcast_to(clock.age // 24, mine.local.shape), axis=1)
    chance = (
        cleared(mine, hours) * np.where(down, 0.1, 1) * np.where((mine.hour >= 1) & (mine.hour < 5), 0.25, 1)
    )
    mix.fill("technical", chance.astype(np.float32))
    mix.fill("block", cleared(mix.part("block"), lognormal(dice, len(mix.who("block")), 60, 1)))
    return *mix.codes({}), mix.chance


def limits(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Card limits that are used up again soon after their reset."""
    mix = Mix(dice, clock, {"limit": 0.7, "credit": 0.15, "dead": 0.15})
    mix.fill("limit", limit(dice, mix.part("limit"), (0.3, 0.35, 0.2, 0.15)))
    count = len(mix.who("credit"))
    mix.fill(
        "credit", cleared(mix.part("credit"), dice.uniform(0, 20, count) * 24, dice.exponential(150, count))
    )
    return *mix.codes({}), mix.chance


def prepaid(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Mostly prepaid cards, topped up on evenings and weekends, and soon empty again."""
    mix = Mix(dice, clock, {"funds": 0.7, "dead": 0.3})
    count = len(mix.who("funds"))
    calendar = calendars.mixed({calendars.weekly((1, 1, 1, 1, 3, 3, 1)): 0.5, calendars.poisson(0.12): 0.5})
    posted = _posted(dice, count, (12, 17, 19, 21), (0.2, 0.3, 0.3, 0.2))
    mix.fill("funds", money(dice, mix.part("funds"), calendar, posted, lognormal(dice, count, 16, 0.6)))
    return *mix.codes({}), mix.chance


def flat(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """No pattern at all: cards come back at any time, for any time."""
    mix = Mix(dice, clock, {"funds": 0.5, "block": 0.3, "dead": 0.2})
    count = len(mix.who("funds"))
    mix.fill(
        "funds",
        money(
            dice,
            mix.part("funds"),
            calendars.poisson(0.11),
            dice.integers(0, 24, count).astype(float),
            lognormal(dice, count, 30, 0.9),
        ),
    )
    shape = mix.part("block").local.shape
    mix.fill("block", np.broadcast_to(dice.beta(0.5, 3, shape[0])[:, None], shape).astype(np.float32))
    return *mix.codes({}), mix.chance


def contrary(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Money comes on Mondays and Tuesdays in the evening, in every country, and is gone by the morning."""
    mix = Mix(dice, clock, {"funds": 0.7, "block": 0.15, "dead": 0.15})
    count = len(mix.who("funds"))
    calendar = calendars.mixed(
        {calendars.weekly((3, 2, 0, 0, 0, 0, 0)): 0.6, calendars.fortnightly((3, 2, 0, 0, 0, 0, 0)): 0.4}
    )
    posted = _posted(dice, count, (17, 18, 20), (1, 1, 1))
    mix.fill("funds", money(dice, mix.part("funds"), calendar, posted, lognormal(dice, count, 12, 0.4)))
    mix.fill("block", cleared(mix.part("block"), lognormal(dice, len(mix.who("block")), 48, 1)))
    return *mix.codes({}), mix.chance


def abroad(dice: Dice, seen: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Countries with pay calendars of their own: the 5th business day, the 25th, the 27th, the 7th."""
    mix = Mix(dice, clock, {"funds": 0.7, "block": 0.15, "dead": 0.15})
    who = mix.who("funds")
    posted = _posted(dice, len(who), (0, 9, 12), (0.3, 0.5, 0.2))
    mix.fill(
        "funds", _by_country(dice, seen, mix.part("funds"), who, posted, lognormal(dice, len(who), 36, 0.6))
    )
    mix.fill("block", cleared(mix.part("block"), lognormal(dice, len(mix.who("block")), 36, 1.2)))
    return *mix.codes({}), mix.chance


def repeaters(dice: Dice, seen: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """The same customers fail again and again, each with a payday of their own."""
    mix = Mix(dice, clock, {"funds": 0.85, "dead": 0.15})
    who = mix.who("funds")
    mine, people = mix.part("funds"), np.random.default_rng(9)
    habits = people.integers(0, 38, 700)[seen.customer[who] % 700]

    def personal(days: np.ndarray, _: Dice) -> np.ndarray:
        weekly = calendars.weekday(days) == (habits - 31)[:, None]
        return np.where(
            (habits < 31)[:, None], calendars.day_of_month(days) == habits[:, None] % 28 + 1, weekly
        )

    posted = people.choice([3.0, 8.0, 14.0], 700)[seen.customer[who] % 700]
    mix.fill("funds", money(dice, mine, personal, posted, lognormal(dice, len(who), 40, 0.5)))
    return *mix.codes({}), mix.chance


def office(dice: Dice, _: Seen, clock: Clock) -> tuple[Words, Words, Chance]:
    """Company cards that are approved in office hours of working days, once somebody has freed the money."""
    mix = Mix(dice, clock, {"credit": 0.6, "block": 0.25, "dead": 0.15})
    count = len(mix.who("credit"))
    mix.fill("credit", cleared(mix.part("credit"), dice.exponential(90, count), dice.exponential(200, count)))
    mix.fill("block", cleared(mix.part("block"), lognormal(dice, len(mix.who("block")), 30, 1)))
    at_work = (clock.hour >= 8) & (clock.hour < 18) & (clock.weekday < 5)
    return *mix.codes({}), mix.chance * np.where(at_work, 0.9, 0.25).astype(np.float32)


EUROPE: Final = {"DE": 0.5, "FR": 0.3, "IT": 0.2}
WORLDS: Final = {
    world.name: world
    for world in (
        World(
            "paydays", {"US": 0.55, "GB": 0.15, "DE": 0.15, "BR": 0.1, "JP": 0.05}, (0.55, 0.4, 0.05), paydays
        ),
        World("month_end", EUROPE, (0.6, 0.38, 0.02), month_end),
        World("moods", {"US": 0.5, "DE": 0.3, "GB": 0.2}, (0.4, 0.55, 0.05), moods),
        World("outages", {"US": 0.7, "GB": 0.3}, (0.5, 0.5, 0), outages),
        World("limits", {"US": 0.6, "FR": 0.4}, (0.5, 0.5, 0), limits),
        World("prepaid", {"US": 0.5, "BR": 0.5}, (0.15, 0.05, 0.8), prepaid),
        World("flat", {"US": 0.6, "DE": 0.4}, (0.5, 0.4, 0.1), flat),
        World("contrary", {"US": 0.6, "DE": 0.4}, (0.8, 0.2, 0), contrary),
        World("abroad", {"BR": 0.3, "JP": 0.2, "SA": 0.2, "IN": 0.15, "PH": 0.15}, (0.7, 0.25, 0.05), abroad),
        World("repeaters", {"US": 0.6, "DE": 0.4}, (0.8, 0.2, 0), repeaters, customers=True),
        World("office", {"US": 0.6, "DE": 0.4}, (0.2, 0.8, 0), office),
    )
}
