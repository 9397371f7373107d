"""What a customer does with the link in a mail: opens the page, presses its button, fills in a form."""

import re
from typing import Any

import httpx
from scenarios.stage import Stage
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from dunning.flows import staff
from dunning.web.site import create_site

LINK = re.compile(r"http://127\.0\.0\.1:8000(/pay/\S+)")


async def no_receiver(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("no event comes this way")


def link_in(stage: Stage) -> str:
    """Return the path of the link in the newest mail that has one."""
    found = [link for _, mail in stage.mails.sent if (link := LINK.search(mail.text))]
    assert found
    return found[-1].group(1).rstrip(".,)")


def browser(stage: Stage) -> TestClient:
    """Return a browser on our site."""
    return TestClient(create_site(stage.house, no_receiver), follow_redirects=False)


def press(stage: Stage, ids: dict[str, Any]) -> str:
    """Press the button behind a link that staff hand over, and return where it leads."""
    url = staff.link(stage.house, stage.recovery(ids).id, by="ada")
    answer = browser(stage).post(url.removeprefix("http://127.0.0.1:8000"))
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def save_card(portal: str, card: str = "works") -> None:
    """Save a card on Stripe's form."""
    assert httpx.post(portal, data={"card": card}, trust_env=False).status_code in {200, 303}


def pay_on_page(hosted: str, card: str = "on_file") -> None:
    """Pay on the hosted invoice page."""
    assert httpx.post(hosted, data={"card": card}, trust_env=False).is_success
