"""Settings: what this installation was started with, and where each value was read."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from pydantic import SecretStr
from starlette.responses import HTMLResponse

from dunning.core.people import Right
from dunning.settings import Settings, environment_name
from dunning.web.rights import needs
from dunning.web.screen import Screen

HOME = "/settings/installation"
LONG_ENOUGH = 20  # characters of a secret of which four give nothing away


@dataclass(frozen=True, slots=True)
class Value:
    """One setting as shown: its variable, its value without secrets, and its source (None: the default)."""

    name: str
    key: str
    shown: str | None
    secret: bool
    source: str | None


def values_of(settings: Settings) -> list[Value]:
    """Return every setting in its order; of a secret only that it is set, and the end of a long key."""
    return [_value(settings, field) for field in type(settings).model_fields]


def installation_pages(screen: Screen) -> APIRouter:
    """Return the route of the page."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.ADMIN)])

    @router.get(HOME)
    def page(request: Request) -> HTMLResponse:
        return screen.page(request, "installation.html", values=values_of(screen.house.settings))

    return router


def _value(settings: Settings, field: str) -> Value:
    value = getattr(settings, field)
    secret = isinstance(value, SecretStr)
    if secret:
        shown: str | None = _end(value.get_secret_value())
    elif isinstance(value, bool):
        shown = "on" if value else "off"
    else:
        shown = None if value is None else str(value)
        # An address that holds a password is a secret, whatever its kind.
        secret = shown is not None and "://" in shown and "@" in urlsplit(shown).netloc
        shown = "" if secret else shown
    return Value(environment_name(field), field, shown, secret, settings.origin(field))


def _end(secret: str) -> str:
    """Return the last four characters of a long key; nothing of an address, a list or a short password."""
    whole = "://" in secret or "," in secret or len(secret) < LONG_ENOUGH
    return "" if whole else secret[-4:]
