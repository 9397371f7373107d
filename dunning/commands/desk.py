"""Commands on recoveries that are staff's own: whose it is, until when it can wait, giving it up."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated

import typer

from dunning.commands import times
from dunning.commands.queue import JsonOption, RecoveryId, act

Until = Annotated[str, typer.Option(metavar="DATE", help="Until when: 2026-10-01, or a span such as 7d.")]
Reason = Annotated[str, typer.Option(help="Why, for the timeline.")]


def assign(
    recovery_id: RecoveryId,
    to: Annotated[
        str | None, typer.Argument(metavar="PERSON", help="Whose it is; without, it is nobody's.")
    ] = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Give one recovery to a person of the staff, or back."""
    from dunning.flows import desk

    act(desk.assign, recovery_id, as_json=as_json, to=to)


def snooze(recovery_id: RecoveryId, *, until: Until, reason: Reason, as_json: JsonOption = False) -> None:
    """Take one recovery off the desk until a date; charges and messages go on."""
    from dunning.core.clock import WallClock
    from dunning.flows import desk

    end = times.coming_instant("--until", until, WallClock().now())
    act(desk.snooze, recovery_id, as_json=as_json, until=end, why=reason)


def wake(recovery_id: RecoveryId, *, as_json: JsonOption = False) -> None:
    """End the snooze of one recovery."""
    from dunning.flows import desk

    act(desk.wake, recovery_id, as_json=as_json)


def promise(
    recovery_id: RecoveryId,
    *,
    until: Until,
    reason: Annotated[str, typer.Option(help="What was said, for the timeline.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Keep the customer's word to pay by a date: no charge and no message until then."""
    from dunning.core.clock import WallClock
    from dunning.flows import desk

    end = times.coming_instant("--until", until, WallClock().now())
    act(desk.promise, recovery_id, as_json=as_json, until=end, why=reason)


def note(
    recovery_id: RecoveryId,
    text: Annotated[str, typer.Argument(help="What you know about it.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Add a line to the timeline of one recovery."""
    from dunning.flows import desk

    act(desk.note, recovery_id, as_json=as_json, text=text)


def undo(recovery_id: RecoveryId, *, as_json: JsonOption = False) -> None:
    """Take the last change of owner or snooze back, unless the recovery has changed since."""
    from dunning.flows import desk

    act(desk.undo, recovery_id, as_json=as_json)


def write_off(recovery_id: RecoveryId, *, reason: Reason, as_json: JsonOption = False) -> None:
    """Give one invoice up for good; a large one waits for a second person's yes."""
    from dunning.flows import giving_up

    act(giving_up.write_off, recovery_id, as_json=as_json, why=reason)


def answer(
    recovery_id: RecoveryId,
    *,
    approve: Annotated[bool, typer.Option("--approve/--refuse", help="Yes or no.")],
    as_json: JsonOption = False,
) -> None:
    """Answer a write-off that waits for a second person; nobody approves what they asked for."""
    from dunning.flows import giving_up

    act(giving_up.decide, recovery_id, as_json=as_json, approve=approve)


def paid_elsewhere(
    recovery_id: RecoveryId,
    *,
    reason: Annotated[str, typer.Option(help="How it was paid: a transfer, a cheque, its reference.")],
    as_json: JsonOption = False,
) -> None:
    """Tell Stripe that the invoice was paid outside of it; Stripe's event closes the recovery."""
    from dunning.flows import giving_up

    act(giving_up.paid_elsewhere, recovery_id, as_json=as_json, stripe=True, why=reason)
