"""Commands on the audit log: read it, and check its chain."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import json
from typing import Annotated

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def show_list(
    *,
    search: Annotated[
        str, typer.Option("--search", "-q", help="Only entries that mention every word.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many entries.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List changes, newest first: who, what, how it was and how it is (UTC)."""
    from dunning.store import audit

    with opened_house() as house, house.store.read() as connection:
        found = audit.page(connection, q=search, limit=limit)
    if as_json:
        parsed = {"before": json.loads, "after": json.loads}
        console.say_json([{k: parsed.get(k, _same)(v) if v else v for k, v in row.items()} for row in found])
        return
    names = ("seq", "at", "actor", "action", "object", "before", "after")
    console.say_table(("no.", *names[1:]), ([row[name] for name in names] for row in found), right={0})


def verify(*, as_json: JsonOption = False) -> None:
    """Check that no entry was changed or taken away; exit code 1 if one was."""
    from dunning.store import audit

    with opened_house() as house, house.store.read() as connection:
        why, entries = audit.broken(connection), audit.count(connection)
    if as_json:
        console.say_json({"whole": why is None, "why": why, "entries": entries})
    else:
        console.say(why or f"The chain of {entries} entries is whole.")
    if why is not None:
        raise typer.Exit(1)


def _same(value: object) -> object:
    return value
