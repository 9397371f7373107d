"""The sandbox as a whole: one world, its courier, its faults, and the time they share."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from dunning.core.clock import Clock
from dunning.sandbox import actions, behaviour, population, scenario
from dunning.sandbox.accounts import Accounts
from dunning.sandbox.books import Books
from dunning.sandbox.delivery import Courier, Mischief
from dunning.sandbox.events import DUNNING_EVENTS
from dunning.sandbox.faults import Faults
from dunning.sandbox.idempotency import Idempotency
from dunning.sandbox.plays import PLAYS
from dunning.sandbox.state import World

_CLICK_TIMEOUT = 20.0


class Sandbox:
    """A simulated Stripe with simulated customers.

    `clock` is the world's business time; `seed` decides everything that chance decides; `webhook_secret`
    signs deliveries with `signing_clock` (by default the same clock). `books` is a file to be created.

    Raises:
        FileExistsError: if the books' file is already there.
    """

    def __init__(
        self,
        clock: Clock,
        seed: int = 7,
        webhook_secret: str = "whsec_sandbox",  # noqa: S107 - not a secret: it signs play money
        books: Path | None = None,
        *,
        livemode: bool = False,
        signing_clock: Clock | None = None,
    ) -> None:
        self.clock = clock
        self.world = World(
            clock=clock,
            seed=seed,
            books=Books(books),
            livemode=livemode,
            webhook_secret=webhook_secret,
            enabled_events=DUNNING_EVENTS,
        )
        self.accounts = Accounts(self.world)
        self.faults = Faults()
        self.keys = Idempotency()
        self.courier = Courier(self.world, signing_clock or clock)
        self._clicks: httpx.Client | None = None

    @property
    def deliver_to(self) -> str | None:
        """Where events are posted; None keeps them waiting."""
        return self.courier.url

    @deliver_to.setter
    def deliver_to(self, url: str | None) -> None:
        self.courier.url = url

    @property
    def mischief(self) -> Mischief:
        """How unreliable delivery is: `duplicate_share`, `reorder`, `drop_share`."""
        return self.courier.mischief

    @mischief.setter
    def mischief(self, mischief: Mischief) -> None:
        self.courier.mischief = mischief

    @property
    def enabled_events(self) -> frozenset[str]:
        """The event types the endpoint subscribed to; `*` means all."""
        return self.world.enabled_events

    @enabled_events.setter
    def enabled_events(self, types: frozenset[str]) -> None:
        self.world.enabled_events = frozenset(types)

    @property
    def smart_retries(self) -> bool:
        """Whether the account lets Stripe retry by itself; True unless switched off."""
        return self.world.smart_retries

    @smart_retries.setter
    def smart_retries(self, on: bool) -> None:
        self.world.smart_retries = on

    @property
    def final_invoice(self) -> str:
        """What becomes of an invoice after Stripe's last retry: `open` or `uncollectible`."""
        return self.world.final_invoice

    @final_invoice.setter
    def final_invoice(self, status: str) -> None:
        self.world.final_invoice = status

    @property
    def final_subscription(self) -> str:
        """What becomes of a subscription after Stripe's last retry: `canceled`, `unpaid` or `past_due`."""
        return self.world.final_subscription

    @final_subscription.setter
    def final_subscription(self, status: str) -> None:
        self.world.final_subscription = status

    def customer(self, **options: Any) -> dict[str, Any]:
        """Create one customer as told (see `scenario.Wanted`), bill it now, return the ids."""
        wanted = scenario.Wanted(**options)
        with self.world.lock:
            return scenario.create_customer(self.accounts.connect(wanted.account), wanted)

    def move_to(self, url: str) -> None:
        """Take a base URL for hosted pages, also those of invoices already made."""
        with self.world.lock:
            for world in self.accounts.all():
                for invoice in world.tables["invoices"].values():
                    invoice["hosted_invoice_url"] = f"{url}/invoice/{invoice['id']}"
                world.base_url = url

    def populate(self, customers: int = 300, until: datetime | None = None) -> None:
        """Create customers whose bills spread over the next month; nothing is billed after `until`."""
        with self.world.lock:
            self.world.bill_until = until
            population.populate(self.world, customers)

    def next_at(self) -> datetime | None:
        """Return when the next thing happens: a bill, a retry, a customer's act, a redelivery."""
        with self.world.lock:
            planned = (self.accounts.next_planned(), self.courier.next_at())
        return min((one for one in planned if one is not None), default=None)

    def play(self) -> None:
        """Play everything due at or before the clock's now, in order; clicks go out unlocked."""
        while True:
            with self.world.lock:
                entry = self.accounts.take_due(self.clock.now())
                if entry is None:
                    return
                world, at, what, details = entry
                if what in PLAYS:
                    self._play(world, at, partial(PLAYS[what], world, **details))
                    continue
                if what == "effect":
                    self._play(world, at, details["function"])
                    continue
            if what == "step":
                details["function"]()
            else:
                behaviour.follow(world, self._browser(), **details)

    def _play(self, world: World, at: datetime, act: Callable[[], Any]) -> None:
        world.instant = at
        try:
            act()
        finally:
            world.instant = None

    def _browser(self) -> httpx.Client:
        if self._clicks is None:
            self._clicks = httpx.Client(timeout=_CLICK_TIMEOUT, trust_env=False)
        return self._clicks

    def do(self, action: str, **options: Any) -> dict[str, Any]:
        """Do one action of `POST /_sandbox/…` and return its answer.

        Raises:
            ValueError: for an action or an option that nobody knows, or that cannot be done now.
        """
        return actions.named(action)(self, options)

    def deliver(self) -> int:
        """Post every due event to `deliver_to`; return how many were accepted."""
        return self.courier.deliver()

    def mail(self, *, to: str, subject: str, text: str, at: datetime) -> None:
        """Let a mail reach a customer's inbox at an aware instant; unknown addresses are ignored."""
        with self.world.lock:
            for world in self.accounts.all():
                behaviour.receive(world, to, f"{subject}\n{text}", at)

    def books(self) -> list[dict[str, Any]]:
        """Return a copy of the book lines so far."""
        with self.world.lock:
            return list(self.world.books.lines)

    def summary(self) -> dict[str, Any]:
        """Return counts for display: objects, events, and book lines by kind and outcome."""
        worlds = self.accounts.all()
        with self.world.lock:
            invoices = Counter(
                str(one["status"]) for world in worlds for one in world.tables["invoices"].values()
            )
            failed = sum(one.failed_at is not None for world in worlds for one in world.files.values())
            lines = self.world.books.lines
            charges = Counter(str(one["outcome"]) for one in lines if one["kind"] == "charge")
            return {
                "now": self.clock.now().isoformat(),
                "customers": sum(len(world.tables["customers"]) for world in worlds),
                "invoices": dict(sorted(invoices.items())),
                "invoices_failed": failed,
                "charges": dict(sorted(charges.items())),
                "events": sum(len(world.events) for world in worlds),
                "events_waiting": len(self.world.outbox) + self.courier.waiting,
                "events_delivered": self.courier.delivered,
            }

    def close(self) -> None:
        """Close files and connections."""
        self.world.books.close()
        self.courier.close()
        if self._clicks is not None:
            self._clicks.close()
            self._clicks = None
