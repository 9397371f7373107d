"""The merchant's own Stripe account and those connected to it; each keeps its objects to itself."""

from dataclasses import dataclass, field
from datetime import datetime

from dunning.sandbox import chance
from dunning.sandbox.state import Obj, World


@dataclass(slots=True)
class Accounts:
    """Every account of one sandbox: `own` is the platform."""

    own: World
    connected: dict[str, World] = field(default_factory=dict)

    def all(self) -> tuple[World, ...]:
        """Return every account, the platform's first."""
        return (self.own, *self.connected.values())

    def named(self, account: str | None) -> World:
        """Return one account; None, or nothing, is the platform's.

        Raises:
            KeyError: if nobody connected it.
        """
        return self.connected[account] if account else self.own

    def connect(self, account: str | None) -> World:
        """Return one account, connected now if it was not yet; it begins with the platform's settings.

        Raises:
            ValueError: if that is no account's id.
        """
        if not account or account in self.connected:
            return self.named(account)
        if not account.startswith("acct_"):
            raise ValueError(f"account = {account!r} is not an account's id: write acct_ and a name")
        own = self.own
        made = World(
            clock=own.clock,
            seed=int(chance.digest(own.seed, account, size=6), 16),
            books=own.books,
            livemode=own.livemode,
            base_url=own.base_url,
            smart_retries=own.smart_retries,
            final_invoice=own.final_invoice,
            final_subscription=own.final_subscription,
            bill_until=own.bill_until,
            lock=own.lock,
            account=account,
            platform=own,
        )
        self.connected[account] = made
        return made

    def holding(self, object_id: str) -> tuple[World, Obj]:
        """Return the object with this id and the account that holds it.

        Raises:
            ValueError: if there is none.
        """
        for world in self.all():
            if (found := world.get(object_id)) is not None:
                return world, found
        raise ValueError(f"there is no {object_id!r}")

    def next_planned(self) -> datetime | None:
        """Return when the next entry of any account's agenda is due."""
        planned = (world.next_planned() for world in self.all())
        return min((at for at in planned if at is not None), default=None)

    def take_due(self, until: datetime) -> tuple[World, datetime, str, Obj] | None:
        """Remove and return the next entry due at or before `until`, and whose it is."""
        due = [(at, world) for world in self.all() if (at := world.next_planned()) is not None]
        if not due:
            return None
        world = min(due, key=lambda one: one[0])[1]
        entry = world.take_due(until)
        return (world, *entry) if entry else None
