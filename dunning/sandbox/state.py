"""The world of one sandbox: Stripe-shaped objects, and beside them what Stripe would never tell."""

import heapq
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from dunning.core.clock import Clock
from dunning.sandbox import chance
from dunning.sandbox.books import Books
from dunning.sandbox.shelf import Shelf

Obj = dict[str, Any]
API_VERSION = "2026-10-28.endive"
TABLES = (
    "customers payment_methods subscriptions prices invoices invoice_payments payment_intents charges "
    "refunds disputes credit_notes setup_intents portal_sessions checkout_sessions webhook_endpoints "
    "balance_transactions fraud_warnings mandates"
).split()
TABLE_OF_PREFIX = {
    "cus": "customers",
    "pm": "payment_methods",
    "sub": "subscriptions",
    "price": "prices",
    "in": "invoices",
    "inpay": "invoice_payments",
    "pi": "payment_intents",
    "ch": "charges",
    "re": "refunds",
    "du": "disputes",
    "cn": "credit_notes",
    "seti": "setup_intents",
    "bps": "portal_sessions",
    "cs": "checkout_sessions",
    "we": "webhook_endpoints",
    "txn": "balance_transactions",
    "issfr": "fraud_warnings",
    "mandate": "mandates",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change, as the books and the events name them."""

    made_by: str
    request_id: str | None = None
    key: str | None = None


STRIPE = Actor("stripe")


@dataclass(slots=True)
class Trouble:
    """Why a card is declined just now; `clears_at` None means that only another card helps."""

    cause: str
    decline_code: str
    since: datetime
    clears_at: datetime | None = None
    windows: tuple[tuple[datetime, datetime], ...] = ()
    network_advice_code: str | None = None
    tries: int = 0


@dataclass(slots=True)
class CardFile:
    """What only the network knows of a card or bank account, and how it came into the Stripe account.

    `settles` is how long a debit takes, None for as long as its kind does; `returns` when after its success
    the bank takes it back, and with which failure code.
    """

    since: datetime
    origin: str = "original"
    through_link: bool = False
    updated_at: datetime | None = None
    trouble: Trouble | None = None
    settles: timedelta | None = None
    returns: tuple[timedelta, str] | None = None


@dataclass(slots=True)
class Person:
    """A simulated customer: where they live, when they are paid, how they treat mail."""

    zone: str = "UTC"
    pay_cycle: str = "monthly"
    pay_day: int = 25
    pay_hour: int = 6
    stretch_days: float = 2.5
    fragility: float = 0.0
    attention: float = 0.0
    reads_mail: bool = True
    mailed: list[datetime] = field(default_factory=list)


@dataclass(slots=True)
class InvoiceFile:
    """What happened to an invoice since it first failed."""

    failed_at: datetime | None = None
    failed_card: str | None = None
    last_decline: str | None = None
    last_card: str | None = None
    stripe_tries: int = 0


@dataclass(slots=True)
class StoredEvent:
    """An event as it was rendered when it happened; a thin one names its `snapshot`."""

    id: str
    type: str
    created: int
    body: str
    delivered: bool = False
    snapshot: str = ""


@dataclass(slots=True)
class World:
    """Everything one Stripe account holds; guarded by `lock`, which nobody keeps while calling others.

    A connected account (`account`) keeps its objects apart, and its events leave through its platform.
    `api_version` is the one that webhooks, and requests that name none, are rendered in; `hybrid` says
    whether versions before basil carry the new fields too; `payloads` is snapshot, thin or both.
    """

    clock: Clock
    seed: int
    books: Books
    livemode: bool = False
    base_url: str = "http://127.0.0.1"
    webhook_secret: str = ""
    account: str | None = None
    platform: "World | None" = None
    api_version: str = API_VERSION
    hybrid: bool = True
    payloads: str = "snapshot"
    smart_retries: bool = True
    final_invoice: str = "open"
    final_subscription: str = "canceled"
    bill_until: datetime | None = None
    enabled_events: frozenset[str] = frozenset()
    lock: threading.RLock = field(default_factory=threading.RLock)
    tables: dict[str, dict[str, Obj]] = field(default_factory=lambda: {name: {} for name in TABLES})
    people: dict[str, Person] = field(default_factory=dict)
    cards: dict[str, CardFile] = field(default_factory=dict)
    files: dict[str, InvoiceFile] = field(default_factory=dict)
    events: dict[str, StoredEvent] = field(default_factory=dict)
    thin_events: dict[str, StoredEvent] = field(default_factory=dict)
    outbox: list[StoredEvent] = field(default_factory=list)
    forced: list[str] = field(default_factory=list)
    cards_of: dict[str, list[str]] = field(default_factory=dict)
    invoices_of: dict[str, list[str]] = field(default_factory=dict)
    parts_of: dict[str, list[str]] = field(default_factory=dict)
    customer_by_email: dict[str, str] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    link_sessions: set[str] = field(default_factory=set)
    instant: datetime | None = None
    past: dict[str, Shelf] = field(default_factory=dict)  # by table; rendered when asked for
    _agenda: list[tuple[datetime, int, str, Obj]] = field(default_factory=list)
    _counters: dict[str, int] = field(default_factory=dict)

    def now(self) -> datetime:
        """Return the instant of what is being played, else the clock's; aware UTC."""
        return self.instant or self.clock.now()

    def stamp(self) -> int:
        """Return now as Stripe writes it, in whole Unix seconds."""
        return int(self.now().timestamp())

    def new_id(self, prefix: str) -> str:
        """Return the next id of this kind; the sequence depends on the seed only."""
        number = self._counters.get(prefix, 0) + 1
        self._counters[prefix] = number
        return f"{prefix}_{chance.digest(self.seed, prefix, number)}"

    def roll(self, *parts: object) -> float:
        """Return this world's chance for the parts, in [0, 1)."""
        return chance.uniform(self.seed, *parts)

    def add(self, obj: Obj) -> Obj:
        """Keep a new object in the table that its id names."""
        self.tables[table_of(obj["id"])][obj["id"]] = obj
        return obj

    def get(self, object_id: str | None) -> Obj | None:
        """Return the object with this id, or None."""
        if not object_id or "_" not in object_id:
            return None
        table = table_of(object_id)
        found = self.tables.get(table, {}).get(object_id)
        return self.past[table].get(object_id) if found is None and table in self.past else found

    def schedule(self, at: datetime, what: str, **details: Any) -> None:
        """Put something on the agenda; equal instants are played in the order they were put there."""
        self._counters["agenda"] = self._counters.get("agenda", 0) + 1
        heapq.heappush(self._agenda, (at, self._counters["agenda"], what, details))

    def next_planned(self) -> datetime | None:
        """Return when the next agenda entry is due."""
        return self._agenda[0][0] if self._agenda else None

    def take_due(self, until: datetime) -> tuple[datetime, str, Obj] | None:
        """Remove and return the next entry due at or before `until`."""
        if not self._agenda or self._agenda[0][0] > until:
            return None
        at, _, what, details = heapq.heappop(self._agenda)
        return at, what, details


def table_of(object_id: str) -> str:
    """Return the table that holds objects with this id's prefix; empty for unknown ones."""
    return TABLE_OF_PREFIX.get(object_id.split("_", 1)[0], "")


def from_stamp(stamp: int) -> datetime:
    """Return Stripe's Unix seconds as an aware UTC datetime."""
    return datetime.fromtimestamp(stamp, UTC)
