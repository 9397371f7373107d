"""The doctor's findings that are bad, announced to whoever listens for alarms: each once a day."""

from datetime import datetime

from dunning.core.announcement import Topic
from dunning.core.billing import Whose
from dunning.flows.announcing import announce_house
from dunning.flows.doctor import Finding, Mark, examine_house
from dunning.flows.house import House
from dunning.store import listeners


def look(house: House) -> int:
    """Announce what is broken; return how many findings that were. Nobody listening costs nothing."""
    with house.store.read() as connection:
        if not any(one.hears(Topic.ALARM) for one in listeners.hearing(connection)):
            return 0
    found = [one for one in examine_house(house.settings, house.store, house.clock) if one.mark is Mark.BAD]
    for finding in found:
        _announce(house, finding)
    return len(found)


def _announce(house: House, finding: Finding) -> None:
    """Write an alarm; its instant is the day's beginning, so that one day's are one."""
    today = _day(house.clock.now())
    whose = Whose(livemode=house.settings.livemode)
    sentence = f"{finding.name}: {finding.sentence} {finding.cure}".strip()
    with house.store.write() as connection:
        announce_house(connection, Topic.ALARM, whose, today, finding.name, sentence=sentence)


def _day(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
