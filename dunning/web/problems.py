"""Errors as answers: problem+json for the API, a page that says what happened for people."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match

from dunning.errors import Unusable
from dunning.flows.staff import NotFound
from dunning.web.gates import is_public
from dunning.web.screen import Screen

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
JSON = "application/problem+json"
UNKEEPABLE = "The request holds what cannot be kept: a NUL character, or a number that is too large."
DEFAULTS: Final[dict[int, str]] = {
    HTTPStatus.NOT_FOUND: "There is nothing at this address.",
    HTTPStatus.METHOD_NOT_ALLOWED: "This address cannot be used in this way.",
}


def add_problem_handlers(site: FastAPI, screen: Screen) -> None:
    """Teach the site to answer errors in the asker's language."""

    def answer(request: Request, status: int, detail: str) -> Response:
        title = HTTPStatus(status).phrase
        if request.url.path.startswith("/api/"):
            content = {"type": "about:blank", "title": title, "status": status, "detail": detail}
            return JSONResponse(content, status, media_type=JSON)
        if is_public(request.url.path):
            return screen.bare("plain.html", status=status, title=title, detail=detail)
        return screen.page(request, "error.html", status=status, title=title, detail=detail)

    @site.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> Response:
        told = error.detail if error.detail != HTTPStatus(error.status_code).phrase else ""
        response = answer(request, error.status_code, told or _default(error.status_code))
        response.headers.update({**(error.headers or {}), **_allow(site, request, error.status_code)})
        return response

    @site.exception_handler(NotFound)
    def not_found(request: Request, _error: NotFound) -> Response:
        return answer(request, 404, "There is no such recovery.")

    @site.exception_handler(Unusable)
    def unusable(request: Request, error: Unusable) -> Response:
        return answer(request, 400, str(error))

    @site.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        return answer(request, 422, _sentence(error.errors()))

    site.add_exception_handler(DataError, lambda request, _error: answer(request, 422, UNKEEPABLE))

    @site.exception_handler(500)
    def broken(request: Request, _error: Exception) -> Response:
        detail = "Something broke here; the log has the details."
        content = {"type": "about:blank", "title": "Internal Server Error", "status": 500, "detail": detail}
        if request.url.path.startswith("/api/"):
            return JSONResponse(content, 500, media_type=JSON)
        return screen.bare("plain.html", status=500, title="Something broke", detail=detail)


def _allow(site: FastAPI, request: Request, status: int) -> dict[str, str]:
    """Return the header that names every method of this address; the framework names those of one route."""
    if status != HTTPStatus.METHOD_NOT_ALLOWED:
        return {}
    asked = [{**request.scope, "method": method} for method in METHODS]
    served = [one["method"] for one in asked if any(r.matches(one)[0] is Match.FULL for r in site.routes)]
    return {"allow": ", ".join(served)}


def _default(status: int) -> str:
    return DEFAULTS.get(status) or HTTPStatus(status).description or HTTPStatus(status).phrase


def _sentence(problems: Sequence[Any]) -> str:
    first = problems[0]
    place = ".".join(str(part) for part in first["loc"][1:]) or "the request"
    return f"{place}: {first['msg']}"
