"""Commands on the database's version: upgrade, check."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated

import typer

from dunning.commands import console
from dunning.commands.opening import load_settings, opened_store
from dunning.errors import Unusable


def upgrade() -> None:
    """Bring the database to this version; safe to repeat, and for several at once."""
    from dunning import app

    settings = load_settings()
    with opened_store(settings) as store:
        app.upgrade(store, settings.database)
    console.say("The database is at this version.")


def check(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say whether the database fits this version; exit code 1 when it does not."""
    from dunning import app

    settings = load_settings()
    with opened_store(settings) as store:
        app.check_reachable(store)
        try:
            app.check_current(store)
        except Unusable as problem:
            found: str | None = str(problem)
        else:
            found = None
    if as_json:
        console.say_json({"current": found is None, "problem": found})
    else:
        console.say(found or "The database is at this version.")
    if found:
        raise typer.Exit(1)
