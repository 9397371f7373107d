"""Faults on request: errors, delays, lost answers, late effects, and answers that are held back."""

import asyncio
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from dunning.sandbox.api_errors import ApiError, broken, conflict, invalid, refused
from dunning.sandbox.options import Limits, Seconds

PAY = "/v1/invoices/*/pay"
# Answered before Stripe looks at the idempotency key, so that a known key is no way round them.
_AT_THE_DOOR = frozenset({401, 403, 409, 429})


@dataclass(slots=True)
class Fault:
    """One rule: which requests it meets, how often, and what happens to them."""

    path: Annotated[str, "the requests' path; `*` stands for anything"] = PAY
    method: Annotated[Literal["GET", "POST", "DELETE", "*"], "their method"] = "POST"
    when: Annotated[Literal["before", "after"], "before or after what was asked for takes effect"] = "before"
    times: Annotated[Annotated[int, Limits(1)] | None, "how many requests; none: every one from now on"] = 1
    status: Annotated[
        Annotated[int, Limits(400, 599)] | None, "answer this error; 402 lets the bank decline the charge"
    ] = None
    code: Annotated[Literal["lock_timeout", "rate_limit"] | None, "which 429 it is; none is lock_timeout"] = (
        None
    )
    decline_code: Annotated[str, "what the bank says to a 402"] = "generic_decline"
    seconds: Annotated[Seconds, "delay the request, or with `after` its answer, by so many real seconds"] = (
        0.0
    )
    drop: Annotated[bool, "break the connection off instead of answering"] = False
    late_seconds: Annotated[
        Seconds | None,
        "break the connection off, and let the effect come this much later (Stripe: up to 150)",
    ] = None
    garble: Annotated[
        Literal["html", "empty"] | None, "answer a proxy's HTML page (502), or nothing (200)"
    ] = None
    hold: Annotated[bool, "wait for `release`"] = False

    @property
    def at_the_door(self) -> bool:
        """Whether it meets a request before its key is looked at."""
        return self.when == "before" and self.status in _AT_THE_DOOR

    def error(self) -> ApiError | None:
        """Return the error answer of this fault, if it has one; a 402 is left to the bank."""
        if self.status is None or self.status == 402 or self.garble:
            return None
        if self.status == 409:
            return conflict("idempotency_key_in_use")
        if self.status == 429:
            return conflict(self.code or "lock_timeout")
        if self.status in {401, 403}:
            return refused(self.status)
        return (
            broken(self.status) if self.status >= 500 else invalid("A fault was asked for.", code=self.code)
        )


@dataclass(slots=True)
class Faults:
    """The rules in force and the requests that are being held."""

    rules: list[Fault] = field(default_factory=list)
    held: list[threading.Event] = field(default_factory=list)
    requests: int = 0  # to the API so far, refused ones too

    def add(self, **settings: Any) -> Fault:
        """Put a rule in force.

        Raises:
            TypeError: for a setting no fault has.
        """
        fault = Fault(**settings)
        self.rules.append(fault)
        return fault

    def take(self, method: str, path: str, *, early: bool = False) -> Fault | None:
        """Return the first rule at the door (`early`), or behind it, that meets this request; count it."""
        for fault in self.rules:
            if fault.at_the_door is early and fault.method in {method, "*"} and fnmatchcase(path, fault.path):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times <= 0:
                        self.rules.remove(fault)
                return fault
        return None

    async def wait(self, fault: Fault) -> None:
        """Delay or hold a request as its rule says."""
        if fault.seconds:
            await asyncio.sleep(fault.seconds)
        if fault.hold:
            gate = threading.Event()
            self.held.append(gate)
            while not gate.is_set():  # noqa: ASYNC110 - the release may come from another thread
                await asyncio.sleep(0.01)

    def release(self) -> int:
        """Let every held request go, end the holds, and return how many went."""
        gates, self.held = self.held, []
        self.rules = [rule for rule in self.rules if not rule.hold]
        for gate in gates:
            gate.set()
        return len(gates)
