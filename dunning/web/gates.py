"""What every request passes on its way in and every answer on its way out, as plain ASGI.

An unsafe request that a browser sends on behalf of another site is refused. Every answer says what it may
load and who may frame it. Who asks is found out behind these gates, by the reception.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dunning import logs, spans

WEBHOOK = "/webhooks/stripe"
PUBLIC = ("/pay/", "/webhooks/", "/static/", "/join/")
PROBES = frozenset({"/healthz", "/healthz/recovery", "/readyz"})
DOORS = frozenset({"/login", "/login/oidc", "/login/oidc/back", "/setup"})
STRIPE_PAGES = (
    "https://billing.stripe.com",
    "https://checkout.stripe.com",
    "https://invoice.stripe.com",
)
# Any of these on a loopback connection means that a proxy passes strangers on.
PROXY_HEADERS = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
    "via",
)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Doorway:
    """Lets the webhook receiver have its one path, and the site everything else."""

    receiver: ASGIApp
    site: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        hot = scope["type"] == "http" and scope["path"] == WEBHOOK and scope["method"] == "POST"
        await (self.receiver if hot else self.site)(scope, receive, send)


@dataclass(frozen=True, slots=True)
class Traced:
    """Puts each request into a span, named by its route: a path itself may hold the secret of a link."""

    site: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self.site(scope, receive, send)
            return
        with spans.span("request") as rename:
            await self.site(scope, receive, send)
            route = WEBHOOK if scope["path"] == WEBHOOK else getattr(scope.get("route"), "path", "(none)")
            if rename is not None:
                rename(f"{scope['method']} {route}")


@dataclass(frozen=True, slots=True)
class SameOriginOnly:
    """Refuses unsafe requests that another site made a browser send (Fetch Metadata, else Origin)."""

    site: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and forged(scope):
            log.warning("forged_request", method=scope["method"], path=scope["path"], client=_client(scope))
            why = "Another site asked your browser to send this; open the page here and send it yourself."
            await refusal(scope["path"], why)(scope, receive, send)
        else:
            await self.site(scope, receive, send)


@dataclass(frozen=True, slots=True)
class SecurityHeaders:
    """Adds the headers that a browser needs to protect the reader; a page's own choice is kept."""

    site: ASGIApp
    form_targets: tuple[str, ...] = STRIPE_PAGES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add what the answer lacks."""
        if scope["type"] != "http":
            await self.site(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._wanted(scope["path"], scope["scheme"]).items():
                    headers.setdefault(name, value)
            await send(message)

        await self.site(scope, receive, send_with_headers)

    def _wanted(self, path: str, scheme: str) -> Mapping[str, str]:
        headers = {
            "content-security-policy": content_security_policy(self.form_targets),
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "cross-origin-resource-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
            "x-robots-tag": "noindex, nofollow",
        }
        if path.startswith("/pay/"):
            headers["referrer-policy"] = "no-referrer"
        if scheme == "https":
            headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
        if not path.startswith("/static/"):
            headers["cache-control"] = "no-store"
        return headers


def content_security_policy(form_targets: tuple[str, ...] = STRIPE_PAGES, *, styles: str = "'self'") -> str:
    """Return the policy of a page; Chromium holds form-action against redirects after a POST as well."""
    return (
        f"default-src 'self'; style-src {styles}; img-src 'self' data:; "
        f"form-action 'self' {' '.join(form_targets)}; "
        "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
    )


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, as CSP spells an origin."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _client(scope: Scope) -> str | None:
    return scope["client"][0] if scope.get("client") else None


def is_public(path: str) -> bool:
    """Return whether anybody may ask for this path: customers, Stripe, probes, and who wants to come in."""
    return path.startswith(PUBLIC) or path in PROBES or path in DOORS


def stranger(scope: Scope) -> str | None:
    """Return why the request is not from a person at this machine, or None when it is."""
    client = scope.get("client")
    if client is None or not on_loopback(client[0]):
        return (
            "Nobody has an account yet; until then pages answer only on the machine that dunning runs on: "
            "open /setup there."
        )
    headers = Headers(scope=scope)
    if any(name in headers for name in PROXY_HEADERS):
        return "A proxy passed this request on, so it may be anybody's; ask dunning directly, on loopback."
    if not is_loopback_name(headers.get("host", "")):
        return "Open this page as http://localhost or http://127.0.0.1; other names are refused."
    return None


def on_loopback(address: str) -> bool:
    """Return whether an address is this machine's own: 127.0.0.0/8 or ::1, also when mapped into IPv6."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return bool((mapped or ip).is_loopback)


def is_loopback_name(host_header: str) -> bool:
    """Return whether a Host header names this machine; a name of somebody's DNS never does."""
    try:
        name = urlsplit(f"//{host_header}").hostname or ""
    except ValueError:
        return False
    return name == "localhost" or name.endswith(".localhost") or on_loopback(name)


def forged(scope: Scope) -> bool:
    """Return whether a browser says that another site is behind an unsafe request.

    A client that is no browser sends neither header and is let through. A page with `no-referrer` sends
    `Origin: null`, which is why /pay/, whose token is a secret of its own, needs the newer header.
    """
    if scope["path"] == WEBHOOK:
        return False
    headers = Headers(scope=scope)
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"same-origin", "none"}
    origin = headers.get("origin")
    if origin is None or (origin == "null" and scope["path"].startswith("/pay/")):
        return False
    return urlsplit(origin).netloc.lower() != headers.get("host", "").lower()


def refusal(path: str, why: str) -> ASGIApp:
    """Return the 403 that says why: a problem for the API, a line of text for people."""
    if path.startswith("/api/"):
        content = {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": why}
        return JSONResponse(content, 403, media_type="application/problem+json")
    return PlainTextResponse(f"{why}\n", 403)
