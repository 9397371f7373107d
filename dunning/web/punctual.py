"""A sender who takes for ever over a body is given up; the receiver of webhooks has a limit of its own."""

import asyncio
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_S = 10.0


@dataclass(frozen=True, slots=True)
class Punctual:
    """Lets a body take `seconds` in all; a longer one is answered 408, and its connection closed."""

    site: ASGIApp
    seconds: float = LONGEST_S

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, until the time is over."""
        if scope["type"] != "http":
            await self.site(scope, receive, send)
            return
        clock, late, whole = asyncio.get_running_loop().time, False, False
        until = clock() + self.seconds

        async def hurried() -> Message:
            nonlocal late, whole
            if whole:
                return await receive()  # who listens for the end of a stream may listen for ever
            try:
                message = await asyncio.wait_for(receive(), max(until - clock(), 0.001))
            except TimeoutError:
                late = whole = True
                return {"type": "http.disconnect"}
            whole = not message.get("more_body", False)
            return message

        async def answered(message: Message) -> None:
            if late and message["type"] == "http.response.start":
                message = {
                    **message,
                    "status": 408,
                    "headers": [*message["headers"], (b"connection", b"close")],
                }
            await send(message)

        await self.site(scope, hurried, answered)
