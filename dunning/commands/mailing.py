"""Commands on mail: the look, messages that wait or whose fate nobody knows, suppressed addresses."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import TYPE_CHECKING, Annotated

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.errors import Unusable

if TYPE_CHECKING:
    from dunning.flows.staff import Answer

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
MessageId = Annotated[str, typer.Argument(metavar="ID", help="The message: msg_…")]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The bare address.")]


def look(
    parts: Annotated[
        list[str] | None, typer.Argument(metavar="[PART=VALUE]...", help="Such as colour=#0b6b4f tone=plain.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Show the look of your mail, or change parts of it.

    Parts: name, support, logo, colour, from_name, reply_to, tone (warm or plain), language. An empty value
    takes a part back.
    """
    from dunning.flows import looks

    said = dict(_pair(part) for part in parts or ())
    with opened_house() as house:
        done = looks.publish(house, said, by=operator())
    if as_json:
        console.say_json({"version": done.version, "look": done.look.dumps()})
        return
    console.say(f"Version {done.version}{', new' if done.changed else ''}")
    console.say_table(("part", "value"), [(name, value or "–") for name, value in done.look.dumps().items()])


def show_list(
    *,
    state: Annotated[
        str, typer.Option("--state", help="waiting (for approval), or a state: unknown, failed, sent…")
    ] = "unknown",
    as_json: JsonOption = False,
) -> None:
    """List messages and notices: those whose fate nobody knows, or that wait for approval."""
    from dunning.core.vocabulary import MessageState
    from dunning.store import letters, messages

    if state != "waiting" and state not in list(MessageState):
        raise Unusable(f"--state is waiting or one of {', '.join(MessageState)}.")
    with opened_house() as house, house.store.read() as connection:
        rows = (
            messages.waiting(connection)
            if state == "waiting"
            else letters.in_state(connection, MessageState(state))
        )
    told = ("id", "due_at", "recovery_id", "step", "address", "subject", "note")
    if as_json:
        console.say_json([{name: row[name] for name in told} for row in rows])
    else:
        console.say_table(told, [[row[name] for name in told] for row in rows])


def approve(message: MessageId) -> None:
    """Let a waiting message go out."""
    from dunning.flows import approving

    with opened_house() as house:
        _end(approving.approve(house, message, by=operator()))


def refuse(
    message: MessageId, *, reason: Annotated[str, typer.Option("--reason", help="Why it never goes out.")]
) -> None:
    """Let a waiting message never go out."""
    from dunning.flows import approving

    with opened_house() as house:
        _end(approving.refuse(house, message, why=reason, by=operator()))


def suppressed(
    *,
    released: Annotated[bool, typer.Option("--all", help="Also those that were released.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the addresses that are not written to, and why."""
    from dunning.store import suppressions

    with opened_house() as house, house.store.read() as connection:
        rows = suppressions.listed(connection, released=released)
    told = ("address", "reason", "added_at", "detail", "released_at", "released_by")
    if as_json:
        console.say_json([{name: row[name] for name in told} for row in rows])
    else:
        console.say_table(told, [[row[name] for name in told] for row in rows])


def suppress(
    address: Address, *, reason: Annotated[str, typer.Option("--reason", help="Why, for the list.")] = ""
) -> None:
    """Write to an address no more."""
    from dunning.flows import suppressing

    with opened_house() as house:
        _end(suppressing.suppress(house, address, why=reason, by=operator()))


def release(address: Address) -> None:
    """Let an address be written to again."""
    from dunning.flows import suppressing

    with opened_house() as house:
        _end(suppressing.release(house, address, by=operator()))


def _pair(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not equals:
        raise Unusable(f"{part!r} is no part with a value: write it as colour=#0b6b4f.")
    return name.strip(), value


def _end(answer: "Answer") -> None:
    console.say(answer.sentence)
    if not answer.done:
        raise typer.Exit(1)
