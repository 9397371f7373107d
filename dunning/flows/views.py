"""Views of the queue that staff saves for everybody, and forgets again."""

from dunning.core.ids import derive_id
from dunning.flows.house import House
from dunning.store import audit, saved_views


def save(house: House, name: str, query: str, *, by: str) -> None:
    """Keep a view: the query of an address of the queue, under a name."""
    with house.store.write() as connection:
        now = house.clock.now()
        view_id = derive_id("view", now, by, name)
        saved_views.save(connection, view_id, name=name, query=query, by=by, now=now)
        after = {"name": name, "query": query}
        audit.append(connection, at=now, by=by, action="view.save", about=view_id, after=after)


def remove(house: House, view_id: str, *, by: str) -> None:
    """Forget a view, whoever saved it; nothing happens where there is none any more."""
    with house.store.write() as connection:
        was = saved_views.remove(connection, view_id)
        if was is not None:
            now, does = house.clock.now(), "view.remove"
            audit.append(connection, at=now, by=by, action=does, about=view_id, before=was, after={})
