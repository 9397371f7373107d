"""The help desk: one Zendesk ticket for a recovery, and an internal note for each announcement.

The pattern for any other help desk or CRM: it is fed by the same announcements as the signed webhooks, finds
its own object by the recovery's id, and looks before it writes again.
"""

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import httpx

from dunning.channels.asking import ask, said
from dunning.mail.provider import Accepted, NotSent, UnknownOutcome

EXAMPLE: Final = "write https://agent%40acme.example:API_TOKEN@acme.zendesk.com"
LATER: Final = frozenset({401, 403, 409, 429})  # the operator's to mend, or Zendesk's: later is different


@dataclass(frozen=True, slots=True)
class HelpDesk:
    """Whose help desk; `api` is its address without a path."""

    api: str
    agent: str
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Note:
    """What is written into the ticket of a recovery; `key` is the announcement's id.

    `again`: it was asked for before, and may be there.
    """

    key: str
    recovery_id: str
    subject: str
    text: str
    solved: bool = False
    requester: tuple[str, str] | None = None  # name, address
    again: bool = False


def desk_from_url(url: str) -> HelpDesk:
    """Read DUNNING_ZENDESK_URL.

    Raises:
        ValueError: it cannot be used; says what to write instead, never what was written.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, f":{parts.port}" if parts.port else ""
    except ValueError:
        # not chained: urllib repeats the piece it could not read, which may be the token
        raise ValueError(f"DUNNING_ZENDESK_URL cannot be read; {EXAMPLE}") from None
    if parts.scheme not in {"https", "http"} or not (host and parts.username and parts.password):
        raise ValueError(f"DUNNING_ZENDESK_URL needs an agent's address, an API token and a host; {EXAMPLE}")
    if parts.scheme == "http" and host not in {"127.0.0.1", "localhost"}:
        raise ValueError(f"DUNNING_ZENDESK_URL must begin with https://; {EXAMPLE}")
    return HelpDesk(f"{parts.scheme}://{host}{port}", unquote(parts.username), unquote(parts.password))


def write_note(desk: HelpDesk, note: Note) -> Accepted:
    """Write an internal note into the recovery's ticket, which the first note makes.

    Source: https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/

    Raises:
        NotSent: it was certainly not written.
        UnknownOutcome: it may have been; `again` looks first.
    """
    ticket = _ticket_of(desk, note.recovery_id)
    if ticket is None:
        return _read(_make(desk, note))
    if note.again and _written(desk, ticket, note.key):
        return Accepted(str(ticket))
    changed: dict[str, Any] = {"comment": _comment(note)} | ({"status": "solved"} if note.solved else {})
    return _read(_ask(desk, "PUT", f"/api/v2/tickets/{ticket}.json", json={"ticket": changed}))


def _ticket_of(desk: HelpDesk, recovery_id: str) -> int | None:
    """Return the recovery's ticket that is not closed for good; Zendesk closes solved ones after a while."""
    answer = _ask(desk, "GET", "/api/v2/tickets.json", query={"external_id": recovery_id})
    _read(answer)
    open_ones = [one for one in said(answer, "tickets") or () if one.get("status") != "closed"]
    return max((int(one["id"]) for one in open_ones), default=None)


def _make(desk: HelpDesk, note: Note) -> httpx.Response:
    ticket: dict[str, Any] = {
        "external_id": note.recovery_id,
        "subject": note.subject,
        "comment": _comment(note),
        "tags": ["dunning"],
    }
    if note.requester is not None:
        name, address = note.requester
        ticket["requester"] = {"name": name or address, "email": address}
    return _ask(desk, "POST", "/api/v2/tickets.json", json={"ticket": ticket}, key=note.key)


def _written(desk: HelpDesk, ticket: int, key: str) -> bool:
    newest_first = {"sort_order": "desc"}
    answer = _ask(desk, "GET", f"/api/v2/tickets/{ticket}/comments.json", query=newest_first)
    _read(answer)
    return any(key in str(comment.get("body", "")) for comment in said(answer, "comments") or ())


def _comment(note: Note) -> dict[str, Any]:
    return {"body": f"{note.text}\n\ndunning {note.key}", "public": False}


def _ask(desk: HelpDesk, method: str, path: str, *, key: str | None = None, **what: Any) -> httpx.Response:
    login = (f"{desk.agent}/token", desk.token)
    headers = {"Idempotency-Key": key} if key else None
    return ask(method, f"{desk.api}{path}", login=login, headers=headers, **what)


def _read(answer: httpx.Response) -> Accepted:
    if answer.is_success:
        return Accepted(str(said(answer, "ticket", "id") or ""))
    if answer.status_code >= 500:
        raise UnknownOutcome(f"Zendesk answered {answer.status_code}")
    words = said(answer, "description") or said(answer, "error") or ""
    sentence = f"Zendesk refused ({answer.status_code}): {words}"[:300]
    raise NotSent(sentence, retryable=answer.status_code in LATER)
