"""Commands on the tokens of programs that use the API."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def create(
    *,
    scope: Annotated[
        list[str],
        typer.Option(help="read, act (or write), finance, admin; repeat it for several.", show_default=False),
    ],
    name: Annotated[str, typer.Option(help="What it is for.")] = "command line",
    days: Annotated[
        int | None, typer.Option(help="How long it is good for.", show_default="until it is revoked")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token for the API, and print it; it is never shown again."""
    from dunning.flows import tokens

    with opened_house() as house:
        token_id, secret = tokens.create(house, name=name, scopes=scope, by=operator(), days=days)
    if as_json:
        console.say_json({"id": token_id, "name": name, "token": secret})
        return
    console.note(f"{token_id} ({name}); send it as `Authorization: Bearer …`:")
    console.say(secret)


def show_list(*, as_json: JsonOption = False) -> None:
    """List the tokens: their scopes, when they were made and used last (UTC)."""
    from dunning.store import sessions

    names = ("id", "name", "scopes", "created_at", "created_by", "expires_at", "used_at", "revoked_at")
    with opened_house() as house, house.store.read() as connection:
        found = [{name: row[name] for name in names} for row in sessions.every_token(connection)]
    if as_json:
        console.say_json([{**row, "scopes": row["scopes"].split()} for row in found])
        return
    console.say_table(
        ("id", "name", "scopes", "made", "by", "until", "used", "revoked"),
        (list(row.values()) for row in found),
    )


def revoke(
    which: Annotated[str, typer.Argument(metavar="ID", help="The id that `list` shows.")],
) -> None:
    """Revoke a token at once."""
    from dunning.flows import tokens

    with opened_house() as house:
        name = tokens.revoke(house, which, by=operator())
    console.say(f"{name} is revoked: it opens nothing any more.")
