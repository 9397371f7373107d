"""Telling the sandbox what to do: `POST /_sandbox/{hold|release|fault|customer|advance|deliver|mail|…}`.

JSON in, JSON out. `hold {"when": "before"|"after", "path"?, "times"?}` withholds the answers of `pay`;
`release {}` lets them go; `fault {"status"?, "code"?, "decline_code"?, "seconds"?, "drop"?, "when"?, "path"?,
"method"?, "times"?}`; `customer {…}` takes the options of `scenario.Wanted` and `deliver: true`;
`advance {"seconds": n}` moves the sandbox's clock and plays what falls due; `deliver {}` posts what waits;
`mail {"to", "text", "subject"?}`; `past {"charges", "days"?, "open"?, "customers"?, "fail_share"?}` makes up
what was before (see `past.Wanted`); `refund|dispute|warning {"invoice", "amount"?}`; `set {"smart_retries"?,
"final_invoice"?, "deliver_to"?, "duplicate_share"?, "reorder"?, "drop_share"?}`. `GET /_sandbox/books` and
`GET /_sandbox/summary` read. A request it cannot follow is answered 400 with a sentence.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dunning.core.clock import VirtualClock
from dunning.sandbox import archive, money
from dunning.sandbox.charging import payment_of
from dunning.sandbox.events import dump
from dunning.sandbox.offset import OffsetClock
from dunning.sandbox.past import Wanted
from dunning.sandbox.state import Actor, Obj
from dunning.sandbox.world import Sandbox


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the control routes of one sandbox."""

    async def control(request: Request) -> Response:
        action = ACTIONS.get(request.path_params["action"])
        if action is None:
            return _json({"error": f"Unknown action; choose from {', '.join(sorted(ACTIONS))}."}, 404)
        try:
            details = json.loads(await request.body() or b"{}")
            answer = await asyncio.to_thread(action, sandbox, details)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)
        return _json(answer)

    async def books(_: Request) -> Response:
        return _json(sandbox.books())

    async def summary(_: Request) -> Response:
        return _json(sandbox.summary() | {"held": len(sandbox.faults.held)})

    return [
        Route("/_sandbox/books", books, methods=["GET"]),
        Route("/_sandbox/summary", summary, methods=["GET"]),
        Route("/_sandbox/{action}", control, methods=["POST"]),
    ]


def _json(obj: Any, status: int = 200) -> Response:
    return Response(dump(obj), status, media_type="application/json")


def hold(sandbox: Sandbox, details: Obj) -> Obj:
    """Withhold the answers of `pay` (or of `path`) until released; by default every one."""
    sandbox.faults.add(**({"times": None, "when": "after"} | details | {"hold": True}))
    return {"holding": True}


def release(sandbox: Sandbox, details: Obj) -> Obj:
    """Let held requests go and stop holding."""
    if details:
        raise ValueError("release takes no options")
    return {"released": sandbox.faults.release()}


def fault(sandbox: Sandbox, details: Obj) -> Obj:
    """Put a fault in force."""
    return asdict(sandbox.faults.add(**details))


def customer(sandbox: Sandbox, details: Obj) -> Obj:
    """Create a customer whose invoice behaves as told."""
    options = dict(details)
    at_once = options.pop("deliver", False)
    answer = sandbox.customer(**options)
    return answer | ({"delivered": sandbox.deliver()} if at_once else {})


def advance(sandbox: Sandbox, details: Obj) -> Obj:
    """Move the clock forward by `seconds`, stopping at everything that falls due on the way."""
    target = sandbox.clock.now() + timedelta(seconds=float(details["seconds"]))
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


def _move(sandbox: Sandbox, to: datetime) -> None:
    clock = sandbox.clock
    if not isinstance(clock, VirtualClock | OffsetClock):
        raise TypeError("this sandbox runs on a clock that cannot be moved")
    clock.advance_to(to)


def deliver(sandbox: Sandbox, details: Obj) -> Obj:
    """Post every event that waits."""
    if details:
        raise ValueError("deliver takes no options")
    return {"delivered": sandbox.deliver()}


def mail(sandbox: Sandbox, details: Obj) -> Obj:
    """Let a mail reach a simulated customer now."""
    subject = details.get("subject", "")
    sandbox.mail(to=details["to"], subject=subject, text=details["text"], at=sandbox.clock.now())
    return {"received": True}


def past(sandbox: Sandbox, details: Obj) -> Obj:
    """Give the sandbox a past that nobody played, and return how much became of it."""
    with sandbox.world.lock:
        return archive.lay_down(sandbox.world, Wanted(**details))


def _charge_of(sandbox: Sandbox, details: Obj) -> Obj:
    invoice = sandbox.world.tables["invoices"][details["invoice"]]
    charge = sandbox.world.get(payment_of(sandbox.world, invoice)[1]["latest_charge"])
    if charge is None or charge["status"] != "succeeded":
        raise ValueError("this invoice was not paid by a charge")
    return charge


def refund(sandbox: Sandbox, details: Obj) -> Obj:
    """Refund the charge that paid an invoice, as the merchant would in the Dashboard."""
    with sandbox.world.lock:
        charge = _charge_of(sandbox, details)
        amount = int(details.get("amount") or charge["amount"] - charge["amount_refunded"])
        actor = Actor("merchant", sandbox.world.new_id("req"))
        return {"refund": money.refund(sandbox.world, charge, amount, actor)["id"]}


def dispute(sandbox: Sandbox, details: Obj) -> Obj:
    """Let the cardholder dispute the charge that paid an invoice."""
    with sandbox.world.lock:
        return {"dispute": money.dispute(sandbox.world, _charge_of(sandbox, details))["id"]}


def warning(sandbox: Sandbox, details: Obj) -> Obj:
    """Let the network warn of fraud about the charge that paid an invoice."""
    with sandbox.world.lock:
        return {"warning": money.warn_of_fraud(sandbox.world, _charge_of(sandbox, details))["id"]}


def settings(sandbox: Sandbox, details: Obj) -> Obj:
    """Change the account's and the wire's settings."""
    for name, value in details.items():
        if name in {"smart_retries", "final_invoice"}:
            setattr(sandbox, name, value)
        elif name in {"duplicate_share", "reorder", "drop_share"}:
            setattr(sandbox.mischief, name, value)
        elif name == "deliver_to":
            sandbox.deliver_to = value
        else:
            raise ValueError(f"there is no setting {name!r}")
    return {"set": sorted(details)}


ACTIONS: dict[str, Callable[[Sandbox, Obj], Obj]] = {
    "hold": hold,
    "release": release,
    "fault": fault,
    "customer": customer,
    "advance": advance,
    "deliver": deliver,
    "mail": mail,
    "past": past,
    "refund": refund,
    "dispute": dispute,
    "warning": warning,
    "set": settings,
}
