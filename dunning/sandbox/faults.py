"""Faults on request: errors, delays, lost answers, and answers that are held back."""

import asyncio
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from dunning.sandbox.api_errors import ApiError, broken, conflict, invalid

PAY = "/v1/invoices/*/pay"


@dataclass(slots=True)
class Fault:
    """One rule: which requests it meets, how often, and what happens to them.

    `status` answers an error (429 with `code` lock_timeout or rate_limit, 409, 500); 402 declines the charge
    with `decline_code`. `seconds` delays. `drop` breaks the connection off. `hold` waits for a release.
    """

    path: str = PAY
    method: str = "POST"
    when: str = "before"
    times: int | None = 1
    status: int | None = None
    code: str | None = None
    decline_code: str = "generic_decline"
    seconds: float = 0.0
    drop: bool = False
    hold: bool = False

    def error(self) -> ApiError | None:
        """Return the error answer of this fault, if it has one; a 402 is left to the bank."""
        if self.status is None or self.status == 402:
            return None
        if self.status == 409:
            return conflict("idempotency_key_in_use")
        if self.status == 429:
            return conflict(self.code or "lock_timeout")
        return broken() if self.status >= 500 else invalid("A fault was asked for.", code=self.code)


@dataclass(slots=True)
class Faults:
    """The rules in force and the requests that are being held."""

    rules: list[Fault] = field(default_factory=list)
    held: list[threading.Event] = field(default_factory=list)

    def add(self, **settings: Any) -> Fault:
        """Put a rule in force.

        Raises:
            TypeError: for a setting no fault has.
        """
        fault = Fault(**settings)
        self.rules.append(fault)
        return fault

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first rule that meets this request, and count it."""
        for fault in self.rules:
            if fault.method in {method, "*"} and fnmatchcase(path, fault.path):
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
