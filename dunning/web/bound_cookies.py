"""Small cookies besides the session's, bound to this host wherever the reader speaks https.

Routes know them by their plain names. On the way out such a cookie gets the prefix by which browsers take it
over https and from this host only; on the way in only one with its prefix is let through, so that a neighbour
under the same domain can plant none. Source: RFC 6265bis §4.1.3.
"""

from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dunning.flows.house import House
from dunning.web.reception import secure

HOST: Final = "__Host-"
SECURE: Final = "__Secure-"  # for a cookie that has a path of its own


@dataclass(frozen=True, slots=True)
class BoundCookies:
    """Renames the cookies of `names` ({plain name: prefix}) on their way out and in, over https."""

    site: ASGIApp
    house: House
    names: dict[str, str]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, under the names that routes know."""
        if scope["type"] != "http" or not secure(scope, self.house):
            await self.site(scope, receive, send)
            return

        async def send_bound(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [self._out(*one) for one in message.get("headers", ())]}
            await send(message)

        headers = [self._in(*one) for one in scope["headers"]]
        await self.site({**scope, "headers": headers}, receive, send_bound)

    def _in(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        if name != b"cookie":
            return name, value
        kept = []
        for part in value.decode("latin-1").split(";"):
            known, sign, said = part.strip().partition("=")
            if known in self.names:
                continue  # planted by somebody who may not bind it to this host
            plain = next((one for one, prefix in self.names.items() if known == prefix + one), known)
            kept.append(f"{plain}{sign}{said}")
        return name, "; ".join(kept).encode("latin-1")

    def _out(self, name: bytes, value: bytes) -> tuple[bytes, bytes]:
        known, sign, said = value.decode("latin-1").partition("=")
        if name.lower() != b"set-cookie" or known not in self.names:
            return name, value
        ends = "" if "secure" in [part.strip().lower() for part in said.split(";")[1:]] else "; Secure"
        return name, f"{self.names[known]}{known}{sign}{said}{ends}".encode("latin-1")
