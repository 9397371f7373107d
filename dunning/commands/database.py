"""Commands on the database: upgrade, check, backup, restore, restored."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path
from typing import Annotated, Final

import typer

from dunning.commands import console
from dunning.commands.opening import load_settings, opened_house, opened_store, operator
from dunning.errors import Unusable

DUMP: Final = (
    "This is PostgreSQL: back it up with its own tools, such as `pg_dump --format=custom "
    "--file=FILE DATABASE`."
)
LOAD: Final = (
    "This is PostgreSQL: restore it with its own tools, such as `pg_restore --clean --if-exists "
    "--dbname=DATABASE FILE`."
)
NEXT: Final = (
    "Start dunning: it charges nothing and writes to nobody before it has compared with Stripe, then goes on."
)


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


def backup(file: Annotated[Path, typer.Argument(help="The new file.")]) -> None:
    """Copy the SQLite database into a new file, while dunning runs."""
    from dunning.core.clock import WallClock
    from dunning.store import copies
    from dunning.store.engine import is_sqlite

    settings = load_settings()
    if not is_sqlite(settings.database):
        raise Unusable(DUMP)
    copies.make(settings.database, file, WallClock().now())
    console.say(f"{file} holds the database as it is now. Keep the secret key apart from it.")


def restore(file: Annotated[Path, typer.Argument(help="A file that `dunning db backup` made.")]) -> None:
    """Put a copy in the place of the SQLite database; dunning must not run."""
    from dunning.core.clock import WallClock
    from dunning.store import copies
    from dunning.store.engine import is_sqlite

    settings = load_settings()
    if not is_sqlite(settings.database):
        raise Unusable(LOAD)
    aside = copies.put_back(settings.database, file, WallClock().now())
    kept = f" What was there is {aside}." if aside else ""
    console.say(f"The database is that of {file}.{kept}")
    console.say(NEXT)


def restored() -> None:
    """Say that the database was restored, where it cannot tell by itself: events are compared first."""
    from dunning.flows import remembering

    with opened_house() as house:
        mode = remembering.declare(house, by=operator())
    known = f"{mode.since:%d %B %H:%M} UTC"
    console.say(f"Safe mode begins; what the database knows ends {known}.")
    console.say(NEXT)
