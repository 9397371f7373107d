"""Objects of the past: kept as when each was made and how to make it again, so that 50,000 cost little."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

Obj = dict[str, Any]


@dataclass(slots=True)
class Shelf:
    """The objects of one kind, oldest first; `kept` holds those that may still change.

    `stamps` are Unix seconds; a maker renders its object, and traits tell only what filters ask for.
    """

    kept: Mapping[str, Obj]
    ids: list[str] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)
    makers: list[Callable[[], Obj]] = field(default_factory=list)
    traits: list[Callable[[], Mapping[str, Any]]] = field(default_factory=list)

    def put(
        self,
        object_id: str,
        created: int,
        make: Callable[[], Obj],
        traits: Callable[[], Mapping[str, Any]],
    ) -> None:
        """Add an object that is no older than the ones before it."""
        self.places[object_id] = len(self.ids)
        self.ids.append(object_id)
        self.stamps.append(created)
        self.makers.append(make)
        self.traits.append(traits)

    def get(self, object_id: str) -> Obj | None:
        """Return an object by its id, or None."""
        place = self.places.get(object_id)
        return None if place is None else self.at(place)

    def at(self, place: int) -> Obj:
        """Return the object at a place."""
        return self.kept.get(self.ids[place]) or self.makers[place]()

    def between(self, since: int | None, until: int | None) -> range:
        """Return the places of what was made in [since, until], oldest first."""
        low = 0 if since is None else bisect_left(self.stamps, since)
        high = len(self.stamps) if until is None else bisect_right(self.stamps, until)
        return range(low, high)

    def matching(self, places: range, wanted: Mapping[str, Any]) -> Iterator[int]:
        """Yield those of the places whose objects have the wanted values, in the order of `places`."""
        for place in places:
            if not wanted or self._fits(place, wanted):
                yield place

    def _fits(self, place: int, wanted: Mapping[str, Any]) -> bool:
        known = self.traits[place]()
        return all(known.get(name) == value for name, value in wanted.items())
