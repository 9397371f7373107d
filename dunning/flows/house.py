"""What a flow works with: the database, Stripe, the mailer, the clock and the settings, wired by `app.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dunning.core.clock import Clock, WallClock
from dunning.flows.beacon import Beacon
from dunning.flows.guard import Guard
from dunning.gateway.ask import Stripe
from dunning.mail.provider import Channel, Mailer
from dunning.settings import Settings
from dunning.store.engine import Store
from dunning.timing import Planner


@dataclass(frozen=True, slots=True)
class House:
    """Everything a flow may touch.

    `secret` signs card-update links, `channels` are the ways to reach a customer besides e-mail by the word
    that a step asks with, `wall` says how long people are away.
    """

    store: Store
    stripe: Stripe
    mailer: Mailer
    clock: Clock
    settings: Settings
    secret: bytes
    templates: Path
    merchant: str = "Your merchant"
    simulated: bool = False
    channels: Mapping[str, Channel] = field(default_factory=dict)
    guard: Guard = field(kw_only=True)
    beacon: Beacon | None = None
    wall: Clock = field(default_factory=WallClock)
    planners: dict[int, Planner] = field(default_factory=dict)  # the fitted ones this process has loaded
