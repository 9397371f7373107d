"""Telling the sandbox what to do: `POST /_sandbox/{action}`, JSON in and JSON out.

docs/sandbox.md describes every action and option; `GET /_sandbox/actions` tells the same as data,
`GET /_sandbox/books` and `GET /_sandbox/summary` what happened. A request it cannot follow is answered 400
with a sentence.
"""

import asyncio
import json
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dunning.sandbox import options
from dunning.sandbox.actions import ACTIONS
from dunning.sandbox.events import dump
from dunning.sandbox.world import Sandbox


def routes(sandbox: Sandbox) -> list[Route]:
    """Return the control routes of one sandbox."""

    async def control(request: Request) -> Response:
        name = request.path_params["action"]
        if name not in ACTIONS:
            return _json({"error": f"Unknown action; choose from {', '.join(sorted(ACTIONS))}."}, 404)
        try:
            given = _options(await request.body())
            answer = await asyncio.to_thread(ACTIONS[name], sandbox, given)
        except ValueError as error:
            return _json({"error": f"{error}."}, 400)
        return _json(answer)

    async def books(_: Request) -> Response:
        return _json(sandbox.books())

    async def summary(_: Request) -> Response:
        faults = sandbox.faults
        return _json(sandbox.summary() | {"held": len(faults.held), "requests": faults.requests})

    async def actions(_: Request) -> Response:
        return _json(schema())

    return [
        Route("/_sandbox/actions", actions, methods=["GET"]),
        Route("/_sandbox/books", books, methods=["GET"]),
        Route("/_sandbox/summary", summary, methods=["GET"]),
        Route("/_sandbox/{action}", control, methods=["POST"]),
    ]


def _options(body: bytes) -> dict[str, Any]:
    try:
        given = json.loads(body or b"{}")
    except ValueError as error:
        raise ValueError(f"the body is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ValueError("the options are a JSON object")  # noqa: TRY004 - what is wrong is the value sent
    return given


def schema() -> dict[str, Any]:
    """Return every action: what it does, its options, and the ids that its answer gives."""
    return {
        one.name: {
            "says": one.says,
            "options": [asdict(option) for option in options.described(one.options)],
            "gives": list(one.gives),
        }
        for one in ACTIONS.values()
    }


def _json(obj: Any, status: int = 200) -> Response:
    return Response(dump(obj), status, media_type="application/json")
