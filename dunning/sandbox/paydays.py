"""When money arrives on a customer's account, and how long it lasts."""

import calendar
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dunning.sandbox import chance
from dunning.sandbox.state import Person, World

_EPOCH = date(2024, 1, 1)  # a Monday: even weeks are counted from here


def windows(
    world: World, customer: str, person: Person, start: datetime, end: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    """Return the stretches in which the account can pay, each from a payday until the money is spent."""
    zone = ZoneInfo(person.zone)
    found = []
    for day in _paydays(person, start.date() - timedelta(days=8), end.date()):
        if chance.uniform(world.seed, customer, day, "rent") < 0.06:
            continue
        opens = datetime.combine(day, time(person.pay_hour), zone)
        days = chance.lognormal(person.stretch_days, 0.65, world.seed, customer, day, "spent")
        found.append((opens, opens + timedelta(days=days)))
    return tuple(found)


def _paydays(person: Person, start: date, end: date) -> list[date]:
    days = (start + timedelta(days=offset) for offset in range((end - start).days + 1))
    return [day for day in days if _is_payday(person, day)]


def _is_payday(person: Person, day: date) -> bool:
    if person.pay_cycle in {"weekly", "biweekly"}:
        week = (day - _EPOCH).days // 7
        return day.weekday() == person.pay_day % 7 and (person.pay_cycle == "weekly" or week % 2 == 0)
    nominal = (15, 31) if person.pay_cycle == "semimonthly" else (person.pay_day,)
    return any(_working_day(day.year, day.month, one) == day for one in nominal)


def _working_day(year: int, month: int, nominal: int) -> date:
    """Return the day the money posts: the last working day at or before the nominal one."""
    day = date(year, month, min(nominal, calendar.monthrange(year, month)[1]))
    while day.weekday() > 4:
        day -= timedelta(days=1)
    return day
