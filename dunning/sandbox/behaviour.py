"""What a customer does with a mail: open it in their own daytime, follow the link, act on the page."""

import re
from datetime import datetime, time, timedelta
from urllib.parse import urljoin, urlsplit
from zoneinfo import ZoneInfo

import httpx

from dunning.sandbox import chance
from dunning.sandbox.state import Obj, Person, World

_LINK = re.compile(r"https?://[^\s<>\"')\]]*/pay/[^\s<>\"')\]]+")
_DAY = (8, 22)
_MAX_REDIRECTS = 3


def receive(world: World, to: str, text: str, at: datetime) -> None:
    """Put a mail into a customer's inbox; perhaps they will follow its link later. `at` is aware."""
    customer = world.customer_by_email.get(to.casefold())
    if customer is None:
        return
    person = world.people[customer]
    person.mailed.append(at)
    number = len(person.mailed)
    link = _LINK.search(text)
    if link is None or not person.reads_mail or not _follows(world, customer, person, number):
        return
    hours = chance.lognormal(5, 0.9, world.seed, customer, "opens", number)
    opened = _daytime(at + timedelta(hours=hours), person, world.roll(customer, "hour", number))
    world.schedule(opened, "click", customer=customer, url=link.group())


def _follows(world: World, customer: str, person: Person, number: int) -> bool:
    """Say whether the customer opens the mail and clicks; the tenth mail is read less than the first."""
    tired = 0.88 ** (number - 1)
    opens = world.roll(customer, "opens?", number) < (0.35 + 0.45 * person.attention) * tired
    moved = (0.16 + 0.38 * person.attention) * _urgency(world, customer)
    return opens and world.roll(customer, "clicks?", number) < moved


def _urgency(world: World, customer: str) -> float:
    """Return how much the trouble asks for the customer: an empty account fills up again by itself."""
    troubles = [world.cards[one].trouble for one in world.cards_of.get(customer, ())]
    causes = {one.cause for one in troubles if one is not None}
    if causes & {"dead", "authentication", "scripted"}:
        return 1.7
    return 0.6 if causes & {"funds", "credit", "technical", "limit"} else 1.0


def _daytime(at: datetime, person: Person, roll: float) -> datetime:
    zone = ZoneInfo(person.zone)
    local = at.astimezone(zone)
    if _DAY[0] <= local.hour < _DAY[1]:
        return at
    day = local.date() if local.hour < _DAY[0] else local.date() + timedelta(days=1)
    morning = datetime.combine(day, time(_DAY[0]), zone)
    return (morning + timedelta(minutes=150 * roll)).astimezone(at.tzinfo)


def follow(world: World, client: httpx.Client, customer: str, url: str) -> None:
    """Click: read the page, press its button, and act on whatever page of Stripe's that leads to.

    Outgoing calls only; never under the lock, since the called application calls back.
    """
    with world.lock:
        number = len(world.people[customer].mailed)
        gives_up = world.roll(customer, "gives up", number) < 0.12
        works = world.roll(customer, "card", number) < 0.94
    try:
        page = client.get(url)
        if page.is_error or gives_up:
            return
        answer = client.post(url)
        for _ in range(_MAX_REDIRECTS):
            target = _target(answer)
            if target is None:
                return
            form = _form(world, target, works=works)
            answer = client.get(target) if form is None else client.post(target, data=form)
    except httpx.HTTPError:
        return


def _target(answer: httpx.Response) -> str | None:
    location = answer.headers.get("location")
    return urljoin(str(answer.url), location) if answer.is_redirect and location else None


def _form(world: World, target: str, *, works: bool) -> Obj | None:
    """Return what the customer enters on a page of the sandbox; None where there is nothing to enter."""
    path = urlsplit(target).path
    if path.startswith("/portal/"):
        return {"card": "works" if works else "later_declines"}
    if not path.startswith("/invoice/"):
        return None
    with world.lock:
        file = world.files.get(path.removeprefix("/invoice/"))
        confirms = file is not None and file.last_decline == "authentication_required"
    return {"card": "on_file" if confirms or not works else "new"}
