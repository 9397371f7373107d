"""Commands on campaigns in force: list, publish, diff, rules, ready-made, move."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from dunning.commands import console
from dunning.commands.campaigns import text_of
from dunning.commands.opening import opened_house, operator
from dunning.errors import Unusable

if TYPE_CHECKING:
    from dunning.core.campaign_file import Problem

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
CampaignFile = Annotated[Path, typer.Argument(metavar="FILE", help="A campaign as .toml or .json.")]


def show_list(*, as_json: JsonOption = False) -> None:
    """List the published campaigns with their versions, and how many open recoveries run each."""
    from dunning.store import campaigns, rules

    with opened_house() as house, house.store.write() as connection:
        rules.current_campaign(connection, house.clock.now())
        rows = campaigns.published(connection)
        running = campaigns.in_flight(connection)
        drafts = [row["key"] for row in campaigns.drafts(connection)]
    told = [
        {
            "key": row["key"],
            "version": row["version"],
            "name": row["definition"]["name"],
            "steps": len(row["definition"]["steps"]),
            "published_at": row["published_at"],
            "published_by": row["published_by"],
            "open_recoveries": running.get((row["key"], row["version"]), 0),
        }
        for row in rows
    ]
    if as_json:
        console.say_json({"campaigns": told, "drafts": drafts})
        return
    head = ("key", "version", "name", "steps", "published (UTC)", "by", "open recoveries")
    console.say_table(head, (tuple(one.values()) for one in told), right=(1, 3, 6))
    if drafts:
        console.say(f"Drafts, not in force: {', '.join(drafts)}.")


def publish(file: CampaignFile, *, as_json: JsonOption = False) -> None:
    """Put a campaign file in force for recoveries that open from now on; one with a problem does nothing."""
    from dunning.flows import campaigns

    text = text_of(file)
    with opened_house() as house:
        done = campaigns.publish(house, text, by=operator(), is_json=file.suffix == ".json")
    if done.campaign is None:
        _refuse(file, done.problems[0])
    if as_json:
        console.say_json(
            {"key": done.campaign.key, "version": done.campaign.version, "changed": done.changed}
        )
        return
    if not done.changed:
        console.say(f"Nothing changed: version {done.campaign.version} says the same.")
        return
    for line in done.diff:
        console.say(line)
    console.say(f"Version {done.campaign.version} of {done.campaign.key} is in force for recoveries to come.")
    if done.in_flight:
        console.say(
            f"{done.in_flight} open recoveries stay on older versions: `dunning campaign move` moves one."
        )


def diff(
    what: Annotated[
        str, typer.Argument(metavar="FILE|KEY", help="A campaign file, or a published campaign.")
    ],
    *,
    version: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Compare with this version.", show_default="newest")
    ] = None,
) -> None:
    """Print how a file differs from the version in force, or a campaign's newest version from an older."""
    from dunning.flows import campaigns
    from dunning.store import campaigns as kept

    file = Path(what)
    text = text_of(file) if file.suffix else None
    with opened_house() as house:
        checked = None
        if text is not None:
            templates = campaigns.templates_in(house.templates / "email")
            checked = campaigns.check(text, templates, is_json=file.suffix == ".json")
            if checked.campaign is None:
                _refuse(file, checked.problems[0])
        with house.store.read() as connection:
            after = checked.campaign if checked else kept.version(connection, what)
            if after is None:
                raise Unusable(
                    f"No campaign {what} is published: `dunning campaign list` shows those that are."
                )
            older = version if checked or version else max(after.version - 1, 1)
            before = kept.version(connection, after.key, older)
    if version is not None and before is None:
        raise Unusable(f"--version {version} of {after.key} was never published.")
    lines = campaigns.difference(before, after)
    for line in lines or ("There is no difference.",):
        console.say(line)


def choose(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="Rules to put in force; without it, those in force are written."),
    ] = None,
) -> None:
    """Write the rules that choose a campaign for a failed invoice, or put those of a file in force."""
    from dunning.core.choosing import EXAMPLE
    from dunning.flows import campaigns
    from dunning.store import campaigns as kept

    if file is None:
        with opened_house() as house, house.store.read() as connection:
            found = kept.current_rules(connection)
        console.say(found.written() if found.all else EXAMPLE, newline=False)
        return
    text = text_of(file)
    with opened_house() as house:
        try:
            number = campaigns.publish_rules(house, text, by=operator())
        except Unusable as error:
            raise Unusable(f"{file}: {error} Nothing was changed.") from None
    console.say(f"Version {number} of the rules chooses for recoveries that open from now on.")


def ready_made(
    *,
    publish_them: Annotated[
        bool, typer.Option("--publish", help="Put them, and the rules that choose among them, in force.")
    ] = False,
) -> None:
    """Show the campaigns that come with dunning, or put them in force; that switches no messages on."""
    from dunning import resources
    from dunning.core import ready_made as made
    from dunning.flows import campaigns

    if not publish_them:
        for one in made.ready_made(campaigns.templates_in(resources.templates() / "email")):
            console.say(f"{one.key}: {one.name} ({len(one.steps)} steps)")
        console.say(
            "`dunning campaign ready-made --publish` puts them in force; `export KEY` then writes one."
        )
        return
    with opened_house() as house:
        done = campaigns.publish_ready_made(house, by=operator())
    fresh = [one.campaign.key for one in done if one.campaign is not None and one.changed]
    console.say(f"In force for recoveries that open from now on: {', '.join(fresh) or 'nothing new'}.")


def move(
    recovery_id: Annotated[str, typer.Argument(metavar="ID", help="An open recovery: rec_….")],
    key: Annotated[str, typer.Argument(metavar="KEY", help="The campaign that it is to go on with.")],
    *,
    version: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Which version.", show_default="newest")
    ] = None,
) -> None:
    """Move an open recovery to a version of a campaign; no step that has gone out goes out again."""
    from dunning.flows import moving

    with opened_house() as house:
        answer = moving.move(house, recovery_id, key, version, by=operator())
    if not answer.done:
        raise Unusable(answer.sentence)
    console.say(answer.sentence)


def _refuse(file: Path, first: "Problem") -> NoReturn:
    where = f"{file}:{first.line}: {first.sentence}"
    raise Unusable(f"{where} `dunning campaign validate` lists every problem; nothing was published.")
