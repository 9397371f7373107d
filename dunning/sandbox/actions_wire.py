"""The wire: faults of the API, webhooks, the account's settings, and time."""

import re
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from dunning.core.clock import VirtualClock
from dunning.sandbox.action import Nothing, action
from dunning.sandbox.faults import PAY, Fault
from dunning.sandbox.offset import OffsetClock
from dunning.sandbox.options import UNCHANGED, Hours, Limits, Seconds, Share
from dunning.sandbox.state import Obj

if TYPE_CHECKING:
    from dunning.sandbox.world import Sandbox

_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(\.[a-z]+)?")


@dataclass(frozen=True, slots=True)
class _Hold:
    path: Annotated[str, "the requests' path; `*` stands for anything"] = PAY
    method: Annotated[Literal["GET", "POST", "DELETE", "*"], "their method"] = "POST"
    when: Annotated[Literal["before", "after"], "before or after what was asked for takes effect"] = "after"
    times: Annotated[Annotated[int, Limits(1)] | None, "how many requests; none: every one"] = None


@dataclass(frozen=True, slots=True)
class _Disabled:
    hours: Annotated[Hours | None, "for how long; none: until `enable`"] = None


@dataclass(frozen=True, slots=True)
class _Span:
    seconds: Annotated[Seconds, "how far"]


@dataclass(frozen=True, slots=True)
class _Settings:
    smart_retries: Annotated[bool, "whether Stripe retries by itself"] = UNCHANGED
    final_invoice: Annotated[
        Literal["open", "uncollectible"], "what an invoice is after Stripe's last try"
    ] = UNCHANGED
    final_subscription: Annotated[
        Literal["canceled", "unpaid", "past_due"], "what a subscription is then"
    ] = UNCHANGED
    deliver_to: Annotated[str | None, "where events are posted; empty: they wait"] = UNCHANGED
    events: Annotated[list[str], "the types the endpoint subscribed to; `*` is all"] = UNCHANGED
    api_version: Annotated[str, "the endpoint's, which its events are rendered in, such as 2024-06-20"] = (
        UNCHANGED
    )
    hybrid: Annotated[bool, "whether versions before basil carry the new fields too, as Stripe does now"] = (
        UNCHANGED
    )
    payloads: Annotated[
        Literal["snapshot", "thin", "both"], "whole objects, v2 notifications, or each change as both"
    ] = UNCHANGED
    duplicate_share: Annotated[Share, "how many events are posted twice"] = UNCHANGED
    reorder: Annotated[bool, "whether events that wait together are shuffled"] = UNCHANGED
    drop_share: Annotated[Share, "how many posts are lost, and tried again later"] = UNCHANGED
    missing_share: Annotated[Share, "how many events never come, and are left to the Events API"] = UNCHANGED
    late_share: Annotated[Share, "how many events come late"] = UNCHANGED
    late_hours: Annotated[Hours, "how late they come at most"] = UNCHANGED


@action(takes=Fault)
def fault(sandbox: "Sandbox", asked: Fault) -> Obj:
    """Let requests to the API meet an error, a delay, a broken connection or a late effect."""
    return asdict(sandbox.faults.add(**asdict(asked)))


@action(takes=_Hold)
def hold(sandbox: "Sandbox", asked: _Hold) -> Obj:
    """Withhold the answers of `pay`, or of another path, until they are released."""
    sandbox.faults.add(**asdict(asked), hold=True)
    return {"holding": True}


@action()
def release(sandbox: "Sandbox", _: Nothing) -> Obj:
    """Let held requests go, and stop holding."""
    return {"released": sandbox.faults.release()}


@action()
def deliver(sandbox: "Sandbox", _: Nothing) -> Obj:
    """Post every event that waits."""
    return {"delivered": sandbox.deliver()}


@action(takes=_Disabled)
def disable(sandbox: "Sandbox", asked: _Disabled) -> Obj:
    """Disable the webhook endpoint: what happens meanwhile is never posted, only listed by the Events API."""
    with sandbox.world.lock:
        _switch(sandbox, disabled=True)
        if asked.hours is not None:
            at = sandbox.clock.now() + timedelta(hours=asked.hours)
            sandbox.world.schedule(at, "effect", function=lambda: enable(sandbox, {}))
        return {"disabled": True}


@action()
def enable(sandbox: "Sandbox", _: Nothing) -> Obj:
    """Enable the webhook endpoint again."""
    with sandbox.world.lock:
        sandbox.courier.skip_waiting()
        _switch(sandbox, disabled=False)
        return {"disabled": False}


def _switch(sandbox: "Sandbox", *, disabled: bool) -> None:
    sandbox.courier.disabled = disabled
    for endpoint in sandbox.world.tables["webhook_endpoints"].values():
        endpoint["status"] = "disabled" if disabled else "enabled"


@action(takes=_Settings, name="set")
def settings(sandbox: "Sandbox", asked: _Settings) -> Obj:
    """Change how the account, its endpoint and the wire behave."""
    given = {one.name: value for one in fields(asked) if (value := getattr(asked, one.name)) is not UNCHANGED}
    version = given.get("api_version")
    if version is not None and not _VERSION.fullmatch(version):
        raise ValueError(
            f"api_version = {version!r} is none: write one such as 2024-06-20 or 2025-03-31.basil"
        )
    with sandbox.world.lock:
        for name, value in given.items():
            _set(sandbox, name, value)
    return {"set": sorted(given)}


def _set(sandbox: "Sandbox", name: str, value: Any) -> None:
    if name in {"api_version", "hybrid", "payloads"}:
        setattr(sandbox.world, name, value)
    elif name in {"smart_retries", "final_invoice", "final_subscription"}:
        for world in sandbox.accounts.all():
            setattr(world, name, value)
    elif name == "events":
        sandbox.enabled_events = frozenset(value)
    elif name == "deliver_to":
        sandbox.deliver_to = value or None
    else:
        setattr(sandbox.mischief, name, value)


@action(takes=_Span)
def advance(sandbox: "Sandbox", asked: _Span) -> Obj:
    """Move the sandbox's clock forward, stopping at everything that falls due on the way."""
    target = sandbox.clock.now() + timedelta(seconds=asked.seconds)
    planned = sandbox.next_at()
    while planned is not None and planned <= target:
        _move(sandbox, planned)
        sandbox.play()
        sandbox.deliver()
        following = sandbox.next_at()
        if following is not None and following <= planned <= sandbox.clock.now():
            break  # an endpoint that does not answer is tried again later, not in a circle
        planned = following
    _move(sandbox, target)
    sandbox.play()
    return {"now": sandbox.clock.now().isoformat()}


def _move(sandbox: "Sandbox", to: datetime) -> None:
    clock = sandbox.clock
    if not isinstance(clock, VirtualClock | OffsetClock):
        raise ValueError("this sandbox runs on a clock that cannot be moved")  # noqa: TRY004
    clock.advance_to(to)
