"""Stripe's error answers."""

from dunning.sandbox.state import Obj


class ApiError(Exception):
    """An answer that is not 2xx; `saved` says whether an idempotency key remembers it."""

    def __init__(self, status: int, *, saved: bool = False, **error: object) -> None:
        super().__init__(str(error.get("message", status)))
        self.status = status
        self.saved = saved
        self.body: Obj = {"error": {name: value for name, value in error.items() if value is not None}}


def invalid(
    message: str, *, param: str | None = None, code: str | None = None, saved: bool = False
) -> ApiError:
    """Return a 400: the request, or the state of the object, does not allow this."""
    return ApiError(400, saved=saved, type="invalid_request_error", message=message, param=param, code=code)


def missing(kind: str, object_id: str) -> ApiError:
    """Return the 404 for an id nobody knows."""
    return ApiError(
        404,
        type="invalid_request_error",
        code="resource_missing",
        message=f"No such {kind}: '{object_id}'",
        param="id",
    )


def unauthorized() -> ApiError:
    """Return the 401 for a key that does not belong here."""
    return ApiError(
        401,
        type="invalid_request_error",
        message="Invalid API Key provided: only test keys work in a sandbox.",
    )


def forbidden_account(account: str) -> ApiError:
    """Return the 403 for an account that did not connect to this platform."""
    return ApiError(
        403,
        type="invalid_request_error",
        code="account_invalid",
        message=f"The provided key does not have access to account '{account}' (or that account does not "
        "exist). Application access may have been revoked.",
    )


def conflict(code: str) -> ApiError:
    """Return the busy answers: 429 for locks and rates, 409 for a key in flight."""
    messages = {
        "lock_timeout": "This object cannot be accessed right now because another API request or Stripe "
        "process is currently accessing it.",
        "rate_limit": "Too many requests hit the API too quickly.",
        "idempotency_key_in_use": "Another request with this idempotency key is still in progress.",
    }
    status = 409 if code == "idempotency_key_in_use" else 429
    kind = "idempotency_error" if code == "idempotency_key_in_use" else "invalid_request_error"
    return ApiError(status, type=kind, code=code, message=messages.get(code, code))


def idempotency_mismatch(key: str) -> ApiError:
    """Return the 400 for a key that was used with other parameters."""
    return ApiError(
        400,
        type="idempotency_error",
        message="Keys for idempotent requests can only be used with the same parameters they were first used "
        f"with. Try using a key other than '{key}' if you meant to execute a different request.",
    )


def refused(status: int) -> ApiError:
    """Return the answer of a door that stays shut: 401 for the key, 403 for its rights."""
    if status == 401:
        return unauthorized()
    return ApiError(
        status,
        type="invalid_request_error",
        message="The provided key does not have the required permissions for this endpoint.",
    )


def broken(status: int = 500) -> ApiError:
    """Return a 5xx as Stripe words it; a key remembers it."""
    return ApiError(
        status,
        saved=True,
        type="api_error",
        message="An unknown error occurred while processing the request.",
    )
