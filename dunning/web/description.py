"""The API's own description: OpenAPI, with what each operation asks of its token."""

from typing import Any, Final

from fastapi import APIRouter, FastAPI
from starlette.responses import JSONResponse

from dunning.core.people import Right
from dunning.web.api import ROOT
from dunning.web.api_models import Problem
from dunning.web.gates import SAFE_METHODS
from dunning.web.once import KEY_MOST
from dunning.web.rights import Declared, needs

SCHEME: Final = "bearer"
PROBLEM: Final = "application/problem+json"
REFUSALS: Final = {
    "401": "No token, or one that is not known, revoked or too old.",
    "403": "The token lacks the scope, or another site sent this.",
    "503": "The database, or Stripe, does not answer now.",
}
KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent again within a day, the request is answered as the first time and not done again.",
    "schema": {"type": "string", "minLength": 1, "maxLength": KEY_MOST, "pattern": "^[\\x20-\\x7E]+$"},
}


def api_description(site: FastAPI, routes: tuple[Declared, ...]) -> APIRouter:
    """Return the route of the description; `routes` say what each operation asks."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])

    @router.get(f"{ROOT}/openapi.json")
    def openapi() -> JSONResponse:
        return JSONResponse(described(site.openapi(), routes))

    return router


def described(document: dict[str, Any], routes: tuple[Declared, ...]) -> dict[str, Any]:
    """Return the document with the security of each operation, its refusals and its idempotency key."""
    rights = {(one.path, one.method.lower()): one.rights for one in routes}
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).setdefault("Problem", Problem.model_json_schema())
    bearer = {"type": "http", "scheme": "bearer", "description": "A token of `dunning token create`."}
    components["securitySchemes"] = {SCHEME: bearer}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _say(operation, method.upper(), sorted(rights[path, method]))
    return document


def _say(operation: dict[str, Any], method: str, scopes: list[Right]) -> None:
    operation["security"] = [{SCHEME: [scope.value for scope in scopes]}]
    responses = operation["responses"]
    refusals = dict(REFUSALS)
    if method not in SAFE_METHODS:
        refusals |= {"400": "The Idempotency-Key cannot be used.", "413": "The body is too large."}
        parameters = operation.setdefault("parameters", [])
        if KEY not in parameters:
            parameters.append(KEY)
    for status, says in refusals.items():
        responses.setdefault(status, {"description": says})
    for status, response in responses.items():
        if status >= "400":
            response["content"] = {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}}
