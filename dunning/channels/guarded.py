"""POST to an address that somebody gave us: never into our own network, never further than asked.

The name is resolved once, every address that it has must be a public one, and the connection goes to the
address that was looked at; so no second answer of the DNS leads elsewhere. Redirects are not followed,
proxies are not used, the answer is cut off, and the whole conversation has one end.
"""

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import httpx

from dunning.mail.provider import NotSent, UnknownOutcome

MOST_ANSWER: Final = 16 * 1024
LONGEST_S: Final = 20.0
TIMEOUT: Final = httpx.Timeout(10.0, connect=5.0)
MOST_URL: Final = 2000
INSIDE: Final = "leads into a network of one's own, where webhooks do not go."
# Public by some Python's list, and yet the host's own: metadata of Azure and Oracle, IPv4 inside of IPv6.
REFUSED_TOO: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16",
        "2001::/32", "fec0::/10",
    )
)  # fmt: skip
IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said: its status, the beginning of its words, and how long it asks to be left."""

    status: int
    text: str
    retry_after: timedelta | None = None


@dataclass(slots=True)
class _Wire:
    """The socket of a conversation, so that a conversation which does not end can be ended."""

    socket: Any = None

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember the socket; httpx tells of it when it was connected and when TLS began."""
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self.socket = info["return_value"].get_extra_info("socket")

    def cut(self) -> None:
        """End the conversation, whatever it waits for."""
        try:
            if self.socket is not None:
                self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it has just ended by itself


def problem_with(url: str, *, private: bool = False) -> str | None:
    """Return why a URL cannot be posted to, as a sentence, or None; nothing is resolved.

    `private` allows http and addresses of one's own network: for development and tests.
    """
    try:
        parsed = httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return "It is not a URL: write https://host/path."
    if len(url) > MOST_URL:
        return f"It is longer than {MOST_URL} characters."
    if parsed.scheme != "https" and not (private and parsed.scheme == "http"):
        return "It must begin with https://."
    if not parsed.host or parsed.userinfo or parsed.fragment:
        return "It needs a host, and has no place for a user, a password or a # part."
    return None


def resolve(host: str, port: int) -> list[str]:
    """Return the addresses of a name; OSError when it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def allowed(address: str) -> bool:
    """Return whether an address is a public one: not ours, not a neighbour's, not the host's."""
    ip: IP = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    inside = any(ip.version == network.version and ip in network for network in REFUSED_TOO)
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not inside


def hidden(url: str, *, private: bool = False, resolver: Resolver = resolve) -> str | None:
    """Return why the addresses behind a URL are not posted to; a name that has none yet may get one."""
    host = httpx.URL(url).host
    try:
        found = resolver(host, 443)
    except (OSError, UnicodeError):
        return None
    return None if private or all(map(allowed, found)) else f"{host} {INSIDE}"


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    private: bool = False,
    resolver: Resolver = resolve,
    longest_s: float = LONGEST_S,
) -> Answer:
    """Post `body`, and return what was answered.

    Raises:
        NotSent: the URL, or an address behind it, is not allowed; or nobody was reached.
        UnknownOutcome: the connection broke, or took too long, after the request was on its way.
    """
    problem = problem_with(url, private=private)
    if problem is not None:
        raise NotSent(problem, retryable=False)
    asked = httpx.URL(url)
    pinned = asked.copy_with(host=_address(asked, resolver, private=private))
    given = {**headers, "host": asked.netloc.decode("ascii")}
    wire = _Wire()
    extensions = {"sni_hostname": asked.raw_host.decode("ascii"), "trace": wire.trace}
    client = httpx.Client(trust_env=False, follow_redirects=False, timeout=TIMEOUT)
    try:
        with client, _within(longest_s, wire):
            request = client.build_request("POST", pinned, content=body, headers=given, extensions=extensions)
            return _read(client.send(request, stream=True))
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
        raise NotSent(f"{asked.host} was not reached ({_what(error)}).", retryable=True) from error
    except httpx.HTTPError as error:
        raise UnknownOutcome(f"{asked.host} gave no whole answer ({_what(error)}).") from error


def _address(asked: httpx.URL, resolver: Resolver, *, private: bool) -> str:
    port = asked.port or (443 if asked.scheme == "https" else 80)
    try:
        addresses = resolver(asked.host, port)
    except (OSError, UnicodeError) as error:
        raise NotSent(f"{asked.host} has no address ({error}).", retryable=True) from error
    if not addresses:
        raise NotSent(f"{asked.host} has no address.", retryable=True)
    if not private and not all(map(allowed, addresses)):
        raise NotSent(f"{asked.host} {INSIDE}", retryable=False)
    return addresses[0]


def _read(response: httpx.Response) -> Answer:
    begun = b""
    try:
        for piece in response.iter_raw(4096):
            begun += piece
            if len(begun) >= MOST_ANSWER:
                break
    finally:
        response.close()
    text = begun[:MOST_ANSWER].decode("utf-8", "replace")
    asks = response.headers.get("retry-after", "")
    seconds = int(asks) if asks.isascii() and asks.isdecimal() and len(asks) < 8 else None
    return Answer(response.status_code, text, None if seconds is None else timedelta(seconds=seconds))


@contextmanager
def _within(seconds: float, wire: _Wire) -> Iterator[None]:
    timer = threading.Timer(seconds, wire.cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _what(error: Exception) -> str:
    return type(error).__name__
