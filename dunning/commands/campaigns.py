"""Commands on campaigns as texts: export, validate, plan."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from dunning.commands import console, times
from dunning.commands.opening import opened_house
from dunning.errors import Unusable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from zoneinfo import ZoneInfo

    from dunning.core.campaign import Campaign
    from dunning.core.outlook import Coming

MINUTE: Final = timedelta(minutes=1)
WINDOW: Final = timedelta(days=14)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def export(
    key: Annotated[
        str | None,
        typer.Argument(metavar="KEY", help="A published campaign.", show_default="the built-in one"),
    ] = None,
    *,
    version: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="An older version.", show_default="newest")
    ] = None,
    form: Annotated[Literal["toml", "json"], typer.Option("--format", help="How it is written.")] = "toml",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead.")
    ] = None,
) -> None:
    """Write a campaign as a file to start your own from."""
    from dunning.core import campaign_file

    write = campaign_file.as_json if form == "json" else campaign_file.as_toml
    text = write(_published(key, version))
    if output is None:
        console.say(text, newline=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unusable(f"-o {output} cannot be written ({error.strerror}): choose another file.") from None


def validate(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A campaign as .toml or .json.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Check a campaign file; every problem is named with its line and field, exit code 1 if there is one."""
    from dunning.flows import campaigns

    found = campaigns.check(text_of(file), _templates(), is_json=file.suffix == ".json")
    console.say_validity(file, found.problems, "campaign", as_json=as_json)


def plan(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A campaign file.", show_default="the built-in campaign"),
    ] = None,
    *,
    failed: Annotated[
        str | None,
        typer.Option(
            metavar="DATE", help="When the payment failed: 2026-10-01T14:00:00Z.", show_default="now"
        ),
    ] = None,
    timezone: Annotated[
        str, typer.Option(metavar="ZONE", help="The customer's time zone, such as Europe/Berlin.")
    ] = "UTC",
    decline: Annotated[
        str, typer.Option(metavar="CODE", help="The decline of the sample; its retries follow from it.")
    ] = "insufficient_funds",
    arm: Annotated[str | None, typer.Option(help="Of a campaign with arms: whose steps.")] = None,
    customer: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Instead of a sample: what this customer (cus_…) is to get."),
    ] = None,
    recovery: Annotated[
        str | None, typer.Option(metavar="ID", help="Instead of a sample: the plan of this recovery (rec_…).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print every retry and message to come if nobody pays, each with its date and what moved it."""
    if customer is not None or recovery is not None:
        if file is not None:
            raise Unusable(
                "A plan is of a FILE, or of a --customer or --recovery that runs its own campaign."
            )
        _plan_of_real_ones(customer, recovery, as_json=as_json)
        return
    _plan_of_sample(_campaign(file), arm, failed, timezone, decline, as_json=as_json)


def _plan_of_sample(
    campaign: "Campaign", arm: str | None, failed: str | None, timezone: str, decline: str, *, as_json: bool
) -> None:
    from dunning.core.clock import WallClock

    zone = _zone(timezone)
    start = times.instant("--failed", failed) if failed else WallClock().now()
    if arm is not None and arm not in {one.key for one in campaign.arms}:
        raise Unusable(f"--arm {arm!r} is no arm of {campaign.key}.")
    found = _sample(campaign, arm, start, zone, timezone, decline)
    if as_json:
        steps = [_told(line, start) for line in found if line.kind == "message"]
        retries = [{"at": line.at, "reason": line.note} for line in found if line.kind == "retry"]
        told = {"campaign": campaign.key, "failed": start, "steps": steps, "retries": retries}
        console.say_json(told)
        return
    began = f"{start.astimezone(zone):%a %Y-%m-%d %H:%M}"
    console.say(f"{campaign.name} ({campaign.key} version {campaign.version}); the payment failed {began}")
    say_plan(found, start, zone, timezone)


def say_plan(found: "Sequence[Coming]", start: "datetime", zone: "ZoneInfo", named: str) -> None:
    """Print a dated plan; `start` is what the first column counts from."""
    rows = (
        (
            _after(line.at - start),
            f"{line.at.astimezone(zone):%a %Y-%m-%d %H:%M}",
            f"message {line.step}" if line.kind == "message" else "retry",
            f"{line.template} ({line.channel})" if line.kind == "message" else "",
            line.condition
            if line.sure
            else f"{line.condition or 'the one before'} fails".replace("always ", ""),
            line.why or (line.note if line.kind == "message" else ""),
        )
        for line in found
    )
    console.say_table(("after", named, "what", "template", "if", "moved"), rows)


def text_of(file: Path) -> str:
    """Return the text of a campaign file.

    Raises:
        Unusable: it is neither TOML nor JSON by its name, or cannot be read.
    """
    if file.suffix not in {".toml", ".json"}:
        raise Unusable(f"{file} is neither .toml nor .json: name the file by what it holds.")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Unusable(f"{file} is not UTF-8 text: save it as such.") from None
    except OSError as error:
        raise Unusable(f"{file} cannot be read ({error.strerror}): name a campaign file.") from None


def _plan_of_real_ones(customer: str | None, recovery: str | None, *, as_json: bool) -> None:
    from dunning.flows import preview
    from dunning.store import recoveries

    with opened_house() as house:
        with house.store.read() as connection:
            named = recoveries.open_ids_of(connection, customer) if customer else []
        wanted = [recovery] if recovery else named
        if not wanted:
            raise Unusable(
                f"Nothing is being collected from {customer}: no open recovery names that customer."
            )
        found = {one: preview.coming(house, one) for one in wanted}
        now = house.clock.now()
    if as_json:
        told = {
            one: [_told(line, now) | {"kind": line.kind} for line in lines] for one, lines in found.items()
        }
        console.say_json({"plans": told})
        return
    for one, lines in found.items():
        console.say(f"{one}: {'nothing is to come' if not lines else 'if nobody pays'}")
        say_plan(lines, now, _zone("UTC"), "UTC")


def _sample(
    campaign: "Campaign", arm: str | None, start: "datetime", zone: "ZoneInfo", timezone: str, decline: str
) -> "list[Coming]":
    """Return the plan of a sample: an invoice over 50.00 EUR that failed at `start` with this decline."""
    from dunning.core.course import Course, plan
    from dunning.core.outlook import outlook
    from dunning.core.sending import Sending
    from dunning.flows.preview import guessed
    from dunning.timing import Attempt, Case, Planner

    case = Case(
        id="sample",
        amount=5000,
        currency="eur",
        attempts=(Attempt(at=start, paid=False, decline_code=decline),),
        deadline=start + WINDOW,
        attempts_left=8,
        timezone=timezone,
    )
    retries = list(guessed(Planner.fit([], now=start), case, start + 12 * 60 * MINUTE))
    wished = tuple(one.retry for one in retries)
    course = Course(start, start, start + WINDOW, failed=wished, coming=wished)
    return outlook(retries, plan(campaign, course, zone, Sending(), arm=arm), 1)


def _published(key: str | None, version: int | None) -> "Campaign":
    from dunning.core.campaign import BUILT_IN

    if key is None:
        return BUILT_IN
    from dunning.store import campaigns

    with opened_house() as house, house.store.read() as connection:
        found = campaigns.version(connection, key, version)
        keys = sorted({row["key"] for row in campaigns.published(connection)})
    if found is None:
        named = f"{key} version {version}" if version else key
        raise Unusable(f"No campaign {named} is published; there are {', '.join(keys) or 'none'}.")
    return found


def _campaign(file: Path | None) -> "Campaign":
    from dunning.core.campaign import BUILT_IN
    from dunning.flows import campaigns

    if file is None:
        return BUILT_IN
    found = campaigns.check(text_of(file), _templates(), is_json=file.suffix == ".json")
    if found.campaign is None:
        first = found.problems[0]
        raise Unusable(f"{file}:{first.line}: {first.sentence} `dunning campaign validate` lists them all.")
    return found.campaign


def _templates() -> frozenset[str]:
    from dunning import resources
    from dunning.flows import campaigns

    return campaigns.templates_in(resources.templates() / "email")


def _zone(name: str) -> "ZoneInfo":
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unusable(f"--timezone {name!r} is not an IANA time zone such as Europe/Berlin.") from None


def _told(line: "Coming", start: "datetime") -> dict[str, Any]:
    told: dict[str, Any] = {"key": line.step, "template": line.template, "condition": line.condition}
    told |= {"channel": line.channel, "due_at": line.at, "after_s": int((line.at - start).total_seconds())}
    return told | {"moved": list(line.moved), "note": line.note, "sure": line.sure}


def _after(span: timedelta) -> str:
    from dunning.core.spans import spelled

    return f"+{spelled(span // MINUTE * MINUTE)}"
