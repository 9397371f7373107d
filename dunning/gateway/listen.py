"""What Stripe posts to us, read into a head that can be stored whatever else the body holds.

Two shapes arrive: snapshots (`object: event`, the object inside `data`) in any API version, and thin
notifications (`object: v2.core.event`, only a reference). Enums and unknown fields are data, never errors.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from dunning.gateway.listen_shapes import dig, object_id

OWN_ACCOUNT = "self"
DEPTH_MAX = 64
ID_MAX = 255  # Stripe's own limit; also what fits a PostgreSQL index
_CONTAINERS = frozenset({dict, list})
_DIGITS_MAX = 4000  # Python refuses to read longer integers


class Malformed(Exception):
    """The bytes are not an event; the message says what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Head:
    """The fields of an event that are columns; each fits a text column of either database.

    `account_id` is `self` for the merchant's own account; `created_at` is aware UTC, None when absurd.
    """

    account_id: str
    livemode: bool
    id: str
    type: str
    api_version: str | None
    object_id: str | None
    created_at: datetime | None
    request_id: str | None
    idempotency_key: str | None


def read_head(raw: bytes) -> Head:
    """Return the head of the event in `raw`.

    Raises:
        Malformed: not UTF-8, not JSON, not an object, nested deeper than 64, or without usable id and type.
    """
    event = parse(raw)
    request_id, idempotency_key = _request(event)
    return Head(
        account_id=_account(event),
        livemode=event.get("livemode") is True,
        id=_required(event, "id"),
        type=_required(event, "type"),
        api_version=_storable(event.get("api_version")),
        object_id=_storable(object_id(dig(event, "data", "object")) or dig(event, "related_object", "id")),
        created_at=_instant(event.get("created")),
        request_id=_storable(request_id),
        idempotency_key=_storable(idempotency_key),
    )


def parse(raw: bytes) -> dict[str, Any]:
    """Return an event's body as plain JSON values; the only reader of stored payloads.

    Raises:
        Malformed: not UTF-8, not JSON (NaN and Infinity are not), not an object, nested deeper than 64.
    """
    try:
        event = _loads(raw.decode("utf-8"))
    except UnicodeDecodeError:
        raise Malformed("the body is not UTF-8") from None
    except RecursionError:
        raise Malformed(f"the body nests deeper than {DEPTH_MAX}") from None
    except ValueError:
        raise Malformed("the body is not JSON") from None
    if not isinstance(event, dict):
        raise Malformed("the body is not a JSON object")
    if _deeper_than(event, DEPTH_MAX):
        raise Malformed(f"the body nests deeper than {DEPTH_MAX}")
    return event


def _loads(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError:
        raise
    except ValueError:  # an integer longer than Python reads: still JSON, so it must not be refused
        return json.loads(text, parse_constant=_no_constant, parse_int=_any_integer)


def _no_constant(name: str) -> NoReturn:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


def _any_integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS_MAX else float(digits)


def _deeper_than(value: Any, limit: int) -> bool:
    """Return whether containers nest deeper than `limit`, level by level so that no stack grows."""
    level = [value]
    for _ in range(limit):
        inner: list[Any] = []
        for container in level:
            inner += container.values() if type(container) is dict else container
        # Each event passes here: `type` is twice as fast as `isinstance`, and json makes no subclasses.
        level = [child for child in inner if type(child) in _CONTAINERS]
        if not level:
            return False
    return True


def _account(event: dict[str, Any]) -> str:
    """Return whose event it is: Connect names the account, a thin event a path that ends in it."""
    account = event.get("account")
    named = event.get("context") if account is None else account
    if named is None or named == "":
        return OWN_ACCOUNT
    found = _storable(named.rpartition("/")[2]) if isinstance(named, str) else None
    if found is None:  # never guess whose money it is
        raise Malformed("the account is not an id")
    return found


def _request(event: dict[str, Any]) -> tuple[Any, Any]:
    """Return (request id, idempotency key) of the API call that caused the event, None for each unknown."""
    request = event.get("request") or dig(event, "reason", "request")
    if isinstance(request, str):  # API versions before 2017-05-25
        return request, None
    return dig(request, "id"), dig(request, "idempotency_key")


def _required(event: dict[str, Any], key: str) -> str:
    value = event.get(key)
    if not isinstance(value, str):
        raise Malformed(f"the event lacks a string {key}")
    if _storable(value) is None:
        raise Malformed(f"the event's {key} is empty, longer than {ID_MAX} or not clean text")
    return value


def _storable(value: Any) -> str | None:
    """Return `value` if both databases take and index it: text, not long, no NUL, no lone surrogate."""
    if not isinstance(value, str) or not 0 < len(value) <= ID_MAX or "\0" in value:
        return None
    return value if value.isascii() or not any("\ud800" <= c <= "\udfff" for c in value) else None


def _instant(value: Any) -> datetime | None:
    """Return seconds since 1970, or an ISO string with its zone, as an instant; None if it is neither."""
    try:
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read.astimezone(UTC) if read.tzinfo else None
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
