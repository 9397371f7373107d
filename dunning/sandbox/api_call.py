"""What an endpoint is handed, and the list pages that many of them answer."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from dunning.sandbox.api_errors import invalid, missing
from dunning.sandbox.shapes import listing
from dunning.sandbox.shelf import Shelf
from dunning.sandbox.state import Actor, Obj, World, table_of

_PAGE = frozenset({"limit", "starting_after", "ending_before", "expand"})
_COMPARE: dict[str, Callable[[int, int], bool]] = {
    "gt": lambda a, b: a > b,
    "gte": lambda a, b: a >= b,
    "lt": lambda a, b: a < b,
    "lte": lambda a, b: a <= b,
}


@dataclass(slots=True)
class Call:
    """One request that passed the door: parameters, path parameters and who asks."""

    world: World
    params: Obj
    path: dict[str, str]
    actor: Actor

    def find(self, kind: str, object_id: str | None = None) -> Obj:
        """Return the object that the path (or the given id) names.

        Raises:
            ApiError: 404 when there is none of that kind.
        """
        wanted = object_id or self.path["id"]
        found = self.world.get(wanted)
        if found is None or found["object"] != kind:
            raise missing(kind, wanted)
        return found

    def param(self, name: str) -> Any:
        """Return a parameter, or None when it is absent."""
        return self.params.get(name)

    def required(self, name: str) -> Any:
        """Return a parameter.

        Raises:
            ApiError: 400 when it is missing.
        """
        if not self.params.get(name):
            raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
        return self.params[name]


Handler = Callable[[Call], Obj]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A route of the simulated API; `accepts` are its parameters, None for any."""

    method: str
    path: str
    handler: Handler
    accepts: frozenset[str] | None = None


def endpoint(method: str, path: str, handler: Handler, accepts: str = "") -> Endpoint:
    """Declare a route; `accepts` lists the top-level parameters it knows."""
    return Endpoint(method, path, handler, frozenset(accepts.split()) | {"expand"})


def lists(path: str, handler: Handler, accepts: str = "") -> Endpoint:
    """Declare a route that answers pages."""
    return Endpoint("GET", path, handler, frozenset(accepts.split()) | _PAGE)


def page(call: Call, objects: Iterable[Obj], url: str) -> Obj:
    """Return one page, newest first; `objects` come oldest first."""
    limit = _limit(call)
    found = [one for one in objects if _in_time(call, one["created"])]
    found.reverse()
    after, before = call.param("starting_after"), call.param("ending_before")
    if before:
        newer = found[: _position(found, before)]
        return listing(newer[-limit:], url, has_more=len(newer) > limit)
    if after:
        found = found[_position(found, after) + 1 :]
    return listing(found[:limit], url, has_more=len(found) > limit)


def page_of(call: Call, table: str, found: Iterable[Obj], url: str, **wanted: Any) -> Obj:
    """Return one page of a table that may have a past behind it; `wanted` are the filters, None means any.

    `found` are the table's own objects that fit, oldest first.
    """
    past = call.world.past.get(table)
    if past is None:
        return page(call, found, url)
    asked = {name: value for name, value in wanted.items() if value is not None}
    recent = [one for one in found if one["id"] not in past.places and _in_time(call, one["created"])]
    limit = _limit(call)
    before = call.param("ending_before")
    if before:
        newer = list(islice(_upwards(call, past, recent, before, asked), limit + 1))
        return listing(newer[:limit][::-1], url, has_more=len(newer) > limit)
    older = list(islice(_downwards(call, past, recent, asked), limit + 1))
    return listing(older[:limit], url, has_more=len(older) > limit)


def _downwards(call: Call, past: Shelf, recent: list[Obj], asked: Obj) -> Iterator[Obj]:
    """Yield what comes after the cursor, newest first: what is recent, then the past."""
    after, places = call.param("starting_after"), past.between(*_bounds(call))
    newest = recent[::-1]
    if after in past.places:
        newest = []
        places = range(places.start, min(places.stop, past.places[after]))
    elif after:
        newest = newest[_position(newest, after) + 1 :]
    yield from newest
    yield from (past.at(place) for place in past.matching(places[::-1], asked))


def _upwards(call: Call, past: Shelf, recent: list[Obj], before: str, asked: Obj) -> Iterator[Obj]:
    """Yield what is newer than the cursor, oldest first."""
    if before not in past.places:
        yield from recent[len(recent) - _position(recent[::-1], before) :]
        return
    places = past.between(*_bounds(call))
    newer = range(max(places.start, past.places[before] + 1), places.stop)
    yield from (past.at(place) for place in past.matching(newer, asked))
    yield from recent


def _bounds(call: Call) -> tuple[int | None, int | None]:
    """Return the first and the last second that the filter `created` lets through."""
    wanted = call.param("created")
    if wanted is None:
        return None, None
    if isinstance(wanted, str):
        return int(wanted), int(wanted)
    from_ = [int(wanted["gte"])] if "gte" in wanted else []
    from_ += [int(wanted["gt"]) + 1] if "gt" in wanted else []
    until = [int(wanted["lte"])] if "lte" in wanted else []
    until += [int(wanted["lt"]) - 1] if "lt" in wanted else []
    return max(from_, default=None), min(until, default=None)


def _limit(call: Call) -> int:
    text = call.param("limit") or "10"
    if not text.isdigit() or not 1 <= int(text) <= 100:
        raise invalid(f"Invalid limit: {text}; it must be between 1 and 100.", param="limit")
    return int(text)


def _position(found: list[Obj], object_id: str) -> int:
    for index, one in enumerate(found):
        if one["id"] == object_id:
            return index
    raise missing(table_of(object_id) or "object", object_id)


def _in_time(call: Call, created: int) -> bool:
    wanted = call.param("created")
    if wanted is None:
        return True
    if isinstance(wanted, str):
        return created == int(wanted)
    return all(_COMPARE[name](created, int(value)) for name, value in wanted.items() if name in _COMPARE)


def matching(objects: Iterable[Obj], **wanted: Any) -> list[Obj]:
    """Return the objects whose fields equal the wanted values; None means any."""
    asked = {name: value for name, value in wanted.items() if value is not None}
    return [one for one in objects if all(one.get(name) == value for name, value in asked.items())]


def merge_metadata(call: Call, obj: Obj) -> None:
    """Apply a metadata update: keys are merged, an empty value removes one, an empty text all."""
    given = call.param("metadata")
    if given is None:
        return
    merged = {} if given == "" else obj["metadata"] | given
    obj["metadata"] = {key: value for key, value in merged.items() if value != ""}
