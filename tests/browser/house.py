"""A house with a seeded database, a clock that stands still and a Stripe that only mints sessions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from browser.seed import NOW, seed
from signed_in import signed_in
from sqlalchemy import make_url

from dunning.core.clock import VirtualClock
from dunning.core.people import Role
from dunning.core.vocabulary import Retries
from dunning.errors import Transient
from dunning.flows.guard import Guard
from dunning.flows.house import House
from dunning.resources import templates
from dunning.settings import DEFAULT_STRIPE_API_BASE, Settings
from dunning.store import switches
from dunning.store.engine import Store, is_sqlite, open_store
from dunning.web.site import create_site

SIMULATED_STRIPE = "http://127.0.0.1:12111"
LOCAL = ("127.0.0.1", 50000)
SEEDED: dict[int, tuple[bytes, Sequence[str]]] = {}
BASE = "http://127.0.0.1:8000"


class MintingStripe:
    """Mints portal sessions, and fails when it is told to be down."""

    def __init__(self, pages: str = "https://billing.stripe.com") -> None:
        self.pages = pages
        self.minted: list[str] = []
        self.down = False

    def portal(self, _whose: Any, customer_id: str, *, return_url: str) -> str:
        if self.down:
            raise Transient("Stripe does not answer.")
        self.minted.append(return_url)
        return f"{self.pages}/session/{customer_id}"


class StillDemo:
    """A demo whose clock stands still; it remembers which buttons were pressed."""

    def __init__(self) -> None:
        self.pressed: list[str] = []

    def status(self) -> dict[str, Any]:
        counters = {"failed": 412, "recovered": 268, "lost": 71}
        shown = {"now": NOW, "day": 23, "days": 90, "speed": "1 day = 2 s", "running": True}
        return shown | {"counters": counters}

    def pause(self) -> None:
        self.pressed.append("pause")

    def resume(self) -> None:
        self.pressed.append("resume")

    def faster(self) -> None:
        self.pressed.append("faster")

    def slower(self) -> None:
        self.pressed.append("slower")


async def deaf_receiver(_scope: Any, _receive: Any, send: Any) -> None:
    """Answer 200 to every webhook."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"kept"})


def furnish(
    url: str, *, simulated: bool = True, recoveries: int = 60, stripe_at: str = SIMULATED_STRIPE
) -> tuple[House, Sequence[str]]:
    """Return a house on the migrated database at `url`, and the ids of its recoveries, oldest first."""
    store, ids = _seeded(url, recoveries)
    settings = Settings(stripe_api_base=stripe_at if simulated else DEFAULT_STRIPE_API_BASE)
    clock, stripe = VirtualClock(NOW), MintingStripe()
    guard = Guard(store, clock)
    named = (templates(), "Juniper Coffee", simulated)
    house = House(store, stripe, None, clock, settings, b"s" * 32, *named, guard=guard)
    return house, ids


def _seeded(url: str, recoveries: int) -> tuple[Store, Sequence[str]]:
    """Return the seeded database; an SQLite file is seeded once and copied from then on."""
    path = Path(make_url(url).database or "") if is_sqlite(url) else None
    if path and recoveries in SEEDED:
        path.write_bytes(SEEDED[recoveries][0])
        return open_store(url), SEEDED[recoveries][1]
    store = open_store(url)
    with store.write() as connection:
        ids = seed(connection, recoveries=recoveries)
        switches.put(connection, "retries", Retries.OWN.value, at=NOW, by="test")
        switches.put(connection, "messages", True, at=NOW, by="test")
    if path:
        store.engine.dispose()  # the last connection folds the write-ahead log into the file
        SEEDED[recoveries] = (path.read_bytes(), ids)
    return store, ids


def site_of(house: House, demo: StillDemo | None = None, role: Role = Role.ADMIN) -> Any:
    """Return the house's site as somebody sees it who has signed in, with a receiver that keeps nothing."""
    return signed_in(front_of(house, demo), house, role)


def front_of(house: House, demo: StillDemo | None = None) -> Any:
    """Return the house's site as a stranger finds it."""
    return create_site(house, deaf_receiver, demo=demo)
