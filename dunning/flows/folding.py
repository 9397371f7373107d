"""Folding what changed into the rollups, reading them with their unfolded tail, and proving both."""

from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dunning.core.report_cells import Measured, Place, added, cells
from dunning.core.report_story import Story
from dunning.core.report_words import MEASURES
from dunning.flows.house import House
from dunning.store import rollups, stories
from dunning.store.rollups import Slice, Sums

BATCH: Final = 200  # marks in one transaction: on SQLite other writers wait for it, under a second
A_CHORE: Final = 20_000  # marks; the clock comes again a minute later


def fold(house: House, *, most: int = A_CHORE) -> int:
    """Fold up to `most` marks into the rollups and return how many recoveries were told anew.

    May be killed at any moment, and run by several at once: each batch is one transaction.
    """
    zone = ZoneInfo(house.settings.report_timezone)
    with house.store.read() as connection:
        if rollups.folded_in(connection, zone.key) and not rollups.marks(connection, 1):
            return 0
    told = 0
    while most > 0:
        with house.store.write() as connection:
            rollups.hold(connection, house.clock.now())
            if not rollups.folded_in(connection, zone.key):
                rollups.begin_anew(connection, zone.key)
            taken = rollups.marks(connection, min(BATCH, most))
            told += _fold(connection, zone, taken)
        most -= BATCH
        if len(taken) < BATCH:
            break
    return told


def rebuild(house: House) -> int:
    """Empty the rollups and fold every recovery anew; return how many there are."""
    zone = ZoneInfo(house.settings.report_timezone)
    with house.store.write() as connection:
        rollups.hold(connection, house.clock.now())
        rollups.begin_anew(connection, zone.key)
    return fold(house, most=1_000_000_000)


def _fold(connection: Connection, zone: ZoneInfo, taken: Sequence[tuple[int, str]]) -> int:
    seqs = [seq for seq, _ in taken]
    ids = sorted({name for _, name in taken})
    before, now = rollups.stories(connection, ids), stories.read(connection, ids)
    texts = {name: story.dumps() for name, story in now.items()}
    changed = [name for name in ids if texts.get(name) != before.get(name)]
    total: dict[Place, Measured] = {}
    for name in changed:
        if name in before:
            added(total, cells(Story.loads(before[name]), zone), -1)
        if name in now:
            added(total, cells(now[name], zone))
    rollups.add(connection, total.items())
    rollups.keep_stories(connection, {name: texts[name] for name in changed if name in texts})
    rollups.unmark(connection, seqs)
    return len(changed)


class Reader:
    """Reads slices at one instant: the rollups, and what changed since they were folded.

    `connection` must be steady (`Store.read`): a fold between two queries would be counted twice.
    """

    def __init__(self, connection: Connection, zone: ZoneInfo) -> None:
        self._connection, self._zone = connection, zone
        self._fits = rollups.folded_in(connection, zone.key)
        ids = rollups.marked(connection) if self._fits else rollups.all_recoveries(connection)
        before = rollups.stories(connection, ids) if self._fits else {}
        self._gone = [Story.loads(text) for text in before.values()]
        self._come = list(stories.read(connection, ids).values())

    def read(self, wanted: Slice) -> Sums:
        """Return the sums of a slice; what adds up to nothing is left out."""
        found = rollups.sums(self._connection, wanted) if self._fits else {}
        for told, sign in ((self._gone, -1), (self._come, 1)):
            for story in told:
                _count(found, story, wanted, self._zone, sign)
        return {place: measured for place, measured in found.items() if any(measured.values())}


def _count(found: Sums, story: Story, wanted: Slice, zone: ZoneInfo, sign: int) -> None:
    if (story.livemode, story.imported) != (wanted.livemode, wanted.imported):
        return
    for place, measured in cells(story, zone, subject=wanted.subject, dimension=wanted.dimension):
        if not wanted.holds(place):
            continue
        key = (place.currency, place.key, wanted.when(place.day))
        sums = found.setdefault(key, dict.fromkeys(MEASURES[wanted.subject], 0))
        for name, value in measured.items():
            sums[name] += sign * value
