"""How far a list of Stripe's was read: passes from the newest object down, page by page, resumable anywhere.

A list has no memory of what changed, only of when objects were made. So what was read is one stretch of time;
a later run reads what is newer, a run that wants more of the past what is older.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

OVERLAP: Final = timedelta(hours=1)  # objects appear in a list a little after they were made
UNFINISHED: Final = timedelta(days=15)  # a bank debit has an outcome by then; who waits longer is left


@dataclass(frozen=True, slots=True)
class Coverage:
    """What was read of one list, and the pass under way; all instants are aware UTC.

    Everything made in [covered_from, covered_to] was read. The pass under way goes down to `pass_from` (None:
    there is none) and has come as far as the object `after_id`; `reach` is what it will have covered.
    """

    covered_from: datetime | None = None
    covered_to: datetime | None = None
    pass_from: datetime | None = None
    pass_to: datetime | None = None
    reach: datetime | None = None
    after_id: str | None = None
    after_at: datetime | None = None
    pages: int = 0
    objects: int = 0


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a page says about the progress of its pass."""

    objects: int
    more: bool
    newest_at: datetime | None = None
    last_at: datetime | None = None
    last_id: str | None = None
    unfinished_at: datetime | None = None  # the oldest object without an outcome yet


def next_pass(read: Coverage, since: datetime, *, renewed: bool) -> Coverage | None:
    """Return the list with the pass that is to be made next, or None when nothing is left to read.

    A pass that was begun is ended first; then comes what is older than was read, and then, unless this run
    has done so (`renewed`), what is newer.
    """
    if read.pass_from is not None:
        return read
    if read.covered_from is None or read.covered_to is None:
        return replace(read, pass_from=since)
    if since < read.covered_from:
        return replace(read, pass_from=since, pass_to=read.covered_from)
    return None if renewed else replace(read, pass_from=read.covered_to - OVERLAP)


def turn(read: Coverage, leaf: Leaf) -> Coverage:
    """Return how far the list is read with one more page; the last page ends the pass."""
    counted = replace(read, pages=read.pages + 1, objects=read.objects + leaf.objects)
    reach = _reach(read, leaf)
    if leaf.more:
        return replace(counted, reach=reach, after_id=leaf.last_id, after_at=leaf.last_at)
    start = read.pass_from
    froms = [at for at in (read.covered_from, start) if at is not None]
    tos = [at for at in (read.covered_to, reach or start) if at is not None]
    return Coverage(
        min(froms, default=None),
        max(tos, default=None),
        pages=counted.pages,
        objects=counted.objects,
    )


def lost_place(read: Coverage) -> Coverage:
    """Return the pass told by time alone, when Stripe no longer knows the object it had come to."""
    until = read.after_at + timedelta(seconds=1) if read.after_at else read.pass_to
    return replace(read, pass_to=until, after_id=None)


def share_done(read: Coverage, now: datetime) -> int:
    """Return how much of its stretch of time the pass has read, in thousandths."""
    if read.pass_from is None:
        return 1000
    top = read.reach or read.pass_to or now
    whole, done = top - read.pass_from, top - (read.after_at or top)
    return int(1000 * done / whole) if whole > timedelta() else 0


def _reach(read: Coverage, leaf: Leaf) -> datetime | None:
    reach = read.reach or leaf.newest_at
    waiting = leaf.unfinished_at
    if reach is None or waiting is None or waiting < reach - UNFINISHED:
        return reach
    return min(reach, waiting)
