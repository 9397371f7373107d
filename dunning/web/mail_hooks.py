"""Where mail providers report bounces and complaints, and where friendly notices are switched off."""

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from dunning import logs
from dunning.flows import mail_reports
from dunning.flows.house import House
from dunning.mail.proving import PROVIDERS, proven
from dunning.mail.reports import Unreadable, read

PATH: Final = "/webhooks/mail/"
MOST: Final = 4 * 1024 * 1024  # a batch of SendGrid's; more than a site's own forms ever are

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class MailDoor:
    """Lets providers' reports have their paths, and the site everything else."""

    hooks: ASGIApp
    site: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        hook = scope["type"] == "http" and scope["path"].startswith(PATH)
        await (self.hooks if hook else self.site)(scope, receive, send)


def mail_hooks(house: House) -> ASGIApp:
    """Return the application that takes providers' reports.

    Answers: 200 once they are kept, also for what was told before and what is of no interest; 400 for what
    cannot be read; 401 for what is not proven; 404 for a provider that is not the one of the settings; 413
    for more than 4 MB.
    """

    async def report(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return PlainTextResponse("More than 4 MB.\n", 413)
        headers = dict(request.headers)
        return await asyncio.to_thread(_take, house, request.path_params["provider"], headers, body)

    return Starlette(routes=[Route(PATH + "{provider}", report, methods=["POST"])])


async def _body(request: Request) -> bytes | None:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > MOST:
            return None
    return bytes(content)


def _take(house: House, provider: str, headers: dict[str, str], body: bytes) -> Response:
    secrets = house.settings.mail_secrets
    if provider not in PROVIDERS or provider != house.settings.mail_provider or not secrets:
        return PlainTextResponse("No such provider is set up here.\n", 404)
    now = house.clock.now()
    if not proven(provider, secrets, headers, body, now):
        log.warning("mail_report_forged", provider=provider)
        return PlainTextResponse("The report is not proven.\n", 401)
    try:
        reports = read(provider, body, headers, now)
    except Unreadable as error:
        log.warning("mail_report_unreadable", provider=provider, why=str(error))
        return PlainTextResponse(f"{error}\n", 400)
    mail_reports.take(house, provider, reports)
    return PlainTextResponse("Taken.\n")
