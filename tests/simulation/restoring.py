"""A city loses its database, and an old copy is put in its place: what happened since is forgotten."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from simulation.workers import Worker

from dunning.flows import remembering
from dunning.store import beats, copies

if TYPE_CHECKING:
    from simulation.city import City

OFTEN: Final = 0.15  # of all seeds
BEATS: Final = timedelta(hours=1)
COMES_BACK: Final = timedelta(seconds=30)


def foresee(city: City) -> None:
    """Let the city lose its database once, if chance will have it."""
    if city.dice.random() >= OFTEN:
        return
    copied = timedelta(hours=city.dice.uniform(4, 100))
    lost = copied + timedelta(hours=city.dice.choice([city.dice.uniform(0, 2), city.dice.uniform(2, 60)]))
    city.at(city.clock.now() + copied, lambda: _copy(city))
    city.at(city.clock.now() + lost, lambda: _lose(city))
    _keep_beat(city)


def _keep_beat(city: City) -> None:
    """Do what a clock does besides ringing: keep a beat, and lead the house out of safe mode."""
    if not city.down:
        city.go_on(Worker("beat", lambda: remembering.beat(city.house)))
        with city.house.store.read() as connection:
            mode = beats.read(connection).mode
        if mode is not None and mode.open:
            city.ring("chore", "come_back")
            city.soon(lambda: _keep_beat(city), seconds=COMES_BACK.total_seconds())
            return
    city.soon(lambda: _keep_beat(city), seconds=BEATS.total_seconds())


def _copy(city: City) -> None:
    copies.make(city.house.settings.database, _file(city), city.clock.now())


def _lose(city: City) -> None:
    """Kill whoever works, and put the copy in place; nobody tells the house."""
    city.log.append(f"{city.clock.now()} the database is lost, and an old copy put in its place")
    city.tally.restores += 1
    city.kill_all()
    city.house.store.engine.dispose()
    aside = copies.put_back(city.house.settings.database, _file(city), city.clock.now())
    city.forget_next_ring()
    if aside is not None:
        aside.unlink()


def _file(city: City) -> Path:
    return city.house.settings.data_dir / f"city{city.seed}.db.copy"
