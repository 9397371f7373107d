"""Commands on personal data: how long it is kept, what is held about a person, and the end of it."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def prune(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Take away what is kept no longer: payloads of events, words of messages (the clock does it daily)."""
    from dunning.flows import pruning

    with opened_house() as house:
        found, limits = pruning.prune(house, dry=dry_run), pruning.kept(house)
    if as_json:
        console.say_json({"dry_run": dry_run, **asdict(found), "kept": [asdict(one) for one in limits]})
        return
    verb = "would go" if dry_run else "went"
    console.say(f"{found.payloads} payloads of events and the words of {found.letters} messages {verb}.")
    if not found.whole:
        console.say("There is more: run it again, or leave the rest to the clock.")
    days = [(one.what, one.days if one.days is not None else "for good", one.why) for one in limits]
    console.say_table(("what", "days", "which means"), days)


def export(
    who: Annotated[str, typer.Argument(metavar="WHO", help="A customer's id (cus_…) or mail address.")],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A new file; .zip packs it.", show_default="standard output"),
    ] = None,
) -> None:
    """Write everything that is held about a person as JSON, table by table."""
    from dunning.errors import Unusable
    from dunning.flows import exporting_person

    with opened_house() as house:
        found = exporting_person.export(house, who, by=operator())
    if output is None:
        console.say(found.text)
        return
    if output.exists():
        raise Unusable(f"{output} exists already: name a new file.")
    output.touch(mode=0o600)
    output.write_bytes(found.packed() if output.suffix == ".zip" else found.text.encode())
    console.note(f"{found.rows} rows about {found.customer} are in {output}, which only you can read.")


def erase(
    who: Annotated[str, typer.Argument(metavar="WHO", help="A customer's id (cus_…) or mail address.")],
    *,
    why: Annotated[str, typer.Option(help="Why, and how you know that it is they who ask.")],
    as_json: JsonOption = False,
) -> None:
    """Ask for a person to be erased; workers do it within minutes, and the ledger stays exact."""
    from dunning.commands.queue import say_answer
    from dunning.flows import erasing

    with opened_house() as house:
        answer = erasing.ask(house, who, why=why, by=operator())
    say_answer(answer, as_json=as_json)


def erasures(*, as_json: JsonOption = False) -> None:
    """List the requests to erase a person, and how far they are."""
    from dunning.flows import erasing

    names = ("id", "customer_id", "asked_by", "asked_at", "why", "finished_at", "waits_for")
    with opened_house() as house:
        found = [{name: row[name] for name in names} for row in erasing.every(house)]
    if as_json:
        console.say_json(found)
        return
    titles = ("id", "customer", "asked by", "at", "why", "erased", "waits for")
    console.say_table(titles, (list(row.values()) for row in found))
