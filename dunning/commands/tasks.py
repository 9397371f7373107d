"""Commands on what staff are asked to do: list, done."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated, Any

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.errors import Unusable

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def show_list(*, as_json: JsonOption = False) -> None:
    """List what staff are asked to do, by when it was due: calls to make."""
    from dunning.store import tasks

    with opened_house() as house, house.store.read() as connection:
        rows = tasks.listed(connection, livemode=house.settings.livemode)
    told = [_told(row) for row in rows]
    if as_json:
        console.say_json({"tasks": told})
        return
    head = ("id", "since (UTC)", "kind", "customer", "amount", "recovery", "what")
    console.say_table(head, (tuple(one.values()) for one in told), right=(4,))


def done(
    task_id: Annotated[str, typer.Argument(metavar="ID", help="The task: task_… from `dunning tasks list`.")],
    *,
    note: Annotated[str, typer.Option(metavar="TEXT", help="What came of it, for the timeline.")] = "",
) -> None:
    """Close a task that was done."""
    from dunning.flows import tasks

    with opened_house() as house:
        answer = tasks.finish(house, task_id, by=operator(), note=note)
    if not answer.done:
        raise Unusable(answer.sentence)
    console.say(answer.sentence)


def _told(row: Any) -> dict[str, Any]:
    from dunning.core.money import Money

    amount = Money(row["amount"], row["currency"])
    return {
        "id": row["id"],
        "since": row["due_at"],
        "kind": row["kind"].value,
        "customer": row["customer_name"] or row["customer_email"] or row["customer_id"],
        "amount": f"{amount.decimal():,f} {row['currency'].upper()}",
        "recovery": row["recovery_id"],
        "what": row["what"],
    }
