"""Asking a provider over HTTPS, so that it is always known whether it can have taken what was asked."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from dunning.mail.provider import NotSent, UnknownOutcome

TIMEOUT: Final = httpx.Timeout(15.0, connect=5.0)


def ask(
    method: str,
    url: str,
    *,
    login: tuple[str, str] | None = None,
    form: Mapping[str, str] | None = None,
    json: Mapping[str, Any] | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx.Response:
    """Return the provider's answer, whatever its status.

    Raises:
        NotSent: nobody was reached.
        UnknownOutcome: the connection broke after the request was on its way.
    """
    try:
        return httpx.request(
            method,
            url,
            auth=login,
            data=form,
            json=json,
            params=query,
            headers=headers,
            timeout=TIMEOUT,
            trust_env=False,
        )
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        raise NotSent(f"the provider was not reached ({type(error).__name__})", retryable=True) from error
    except httpx.HTTPError as error:
        said = f"the provider gave no whole answer ({type(error).__name__})"
        raise UnknownOutcome(said) from error


def said(response: httpx.Response, *path: str) -> Any:
    """Return a part of a JSON answer; None where it has none, or is no JSON."""
    try:
        found: Any = response.json()
    except ValueError:
        return None
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found
