"""Commands on campaigns: export, validate, plan."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

from dunning.commands import console, times
from dunning.errors import Unusable

if TYPE_CHECKING:
    from dunning.commands.campaign_file import Source
    from dunning.core.campaign import Campaign

MINUTE: Final = timedelta(minutes=1)
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def export(
    *,
    form: Annotated[Literal["toml", "json"], typer.Option("--format", help="How it is written.")] = "toml",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead.")
    ] = None,
) -> None:
    """Write the built-in campaign as a file to start your own from."""
    from dunning.commands import campaign_file
    from dunning.core.campaign import BUILT_IN

    write = campaign_file.as_json if form == "json" else campaign_file.as_toml
    text = write(BUILT_IN)
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
    from dunning.commands import campaign_file

    try:
        found = campaign_file.problems(_source(file), _templates())
    except campaign_file.NotReadable as error:
        found = [error.problem]
    console.say_validity(file, found, "campaign", as_json=as_json)


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
    as_json: JsonOption = False,
) -> None:
    """Print which message would go out when, in the customer's daytime, if nobody paid."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    from dunning.core.campaign import coming_messages
    from dunning.core.clock import WallClock

    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Unusable(f"--timezone {timezone!r} is not an IANA time zone such as Europe/Berlin.") from None
    start = times.instant("--failed", failed) if failed else WallClock().now()
    campaign = _campaign(file)
    coming = list(coming_messages(campaign, start, zone))
    if as_json:
        console.say_json(
            {"campaign": campaign.key, "failed": start, "steps": [_told(c, start) for c in coming]}
        )
        return
    began = f"{start.astimezone(zone):%a %Y-%m-%d %H:%M}"
    console.say(f"{campaign.name} ({campaign.key} version {campaign.version}); the payment failed {began}")
    rows = (
        (_after(c.due_at - start), f"{c.due_at.astimezone(zone):%a %Y-%m-%d %H:%M}", *_words(c))
        for c in coming
    )
    console.say_table(("after", timezone, "step", "template", "if"), rows)


def _campaign(file: Path | None) -> "Campaign":
    from dunning.commands import campaign_file
    from dunning.core.campaign import BUILT_IN

    if file is None:
        return BUILT_IN
    try:
        source = _source(file)
        found = campaign_file.problems(source, _templates())
    except campaign_file.NotReadable as error:
        found = [error.problem]
    if found:
        raise Unusable(
            f"{file}:{found[0].line}: {found[0].sentence} `dunning campaign validate` lists them all."
        )
    return campaign_file.campaign(source)


def _source(file: Path) -> "Source":
    from dunning.commands import campaign_file

    if file.suffix not in {".toml", ".json"}:
        raise Unusable(f"{file} is neither .toml nor .json: name the file by what it holds.")
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Unusable(f"{file} is not UTF-8 text: save it as such.") from None
    except OSError as error:
        raise Unusable(f"{file} cannot be read ({error.strerror}): name a campaign file.") from None
    return campaign_file.read(text, is_json=file.suffix == ".json")


def _templates() -> frozenset[str]:
    """Return the names of the message templates that there are."""
    from dunning import resources

    folders = (resources.templates() / "email").iterdir()
    return frozenset(folder.name for folder in folders if folder.is_dir() and not folder.name.startswith("_"))


def _told(coming: Any, start: Any) -> dict[str, Any]:
    step = coming.step
    told = {"key": step.key, "template": step.template, "condition": step.condition, "channel": step.channel}
    return told | {"due_at": coming.due_at, "after_s": int((coming.due_at - start).total_seconds())}


def _after(span: Any) -> str:
    from dunning.commands.campaign_file import spelled

    return f"+{spelled(span // MINUTE * MINUTE)}"


def _words(coming: Any) -> tuple[str, str, str]:
    return coming.step.key, coming.step.template, coming.step.condition.value.replace("_", " ")
