"""The command on when and how often customers are written to."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from dunning.commands import console, times
from dunning.commands.opening import opened_house, operator
from dunning.errors import Unusable

if TYPE_CHECKING:
    from dunning.core.sending import Sending

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def hours(
    *,
    opening: Annotated[
        str | None, typer.Option("--from", metavar="HH:MM", help="Opening, in the customer's own time.")
    ] = None,
    closing: Annotated[str | None, typer.Option("--to", metavar="HH:MM", help="Closing.")] = None,
    weekends: Annotated[
        Literal["on", "off"] | None, typer.Option(help="Whether messages go out on Saturdays and Sundays.")
    ] = None,
    holiday: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DATE", help="A day without messages; repeat it. These replace the ones before."
        ),
    ] = None,
    no_holidays: Annotated[bool, typer.Option("--no-holidays", help="Forget every holiday.")] = False,
    a_day: Annotated[
        int | None, typer.Option(min=1, max=100, metavar="N", help="Messages to one address in 24 hours.")
    ] = None,
    a_week: Annotated[
        int | None, typer.Option(min=1, max=100, metavar="N", help="Messages to one address in 7 days.")
    ] = None,
    a_recovery: Annotated[
        int | None, typer.Option(min=1, max=100, metavar="N", help="Messages for one recovery in all.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show or set when messages go out, and how many one address gets a day and a week, and one recovery."""
    days = [times.day("--holiday", text).isoformat() for text in holiday or ()]
    wanted: dict[str, Any] = {
        "opening": opening,
        "closing": closing,
        "weekends": None if weekends is None else weekends == "on",
        "holidays": [] if no_holidays else days or None,
        "a_day": a_day,
        "a_week": a_week,
        "a_recovery": a_recovery,
    }
    found = _in_force({name: value for name, value in wanted.items() if value is not None})
    if as_json:
        console.say_json(found.dumps())
        return
    console.say(f"Messages go out from {found.opening:%H:%M} to {found.closing:%H:%M} of the customer's day,")
    console.say(
        f"{'on weekends too' if found.weekends else 'not on weekends'}; {len(found.holidays)} holidays."
    )
    caps = f"{found.a_day} a day and {found.a_week} a week to one address, {found.a_recovery} for a recovery"
    console.say(f"At most {caps}.")


def _in_force(changes: dict[str, Any]) -> "Sending":
    """Return the rules, with the changes put in force."""
    from dunning.core.conditions import NotUsable
    from dunning.core.sending import Sending
    from dunning.flows import campaigns
    from dunning.store import sending

    with opened_house() as house:
        with house.store.read() as connection:
            found = sending.current(connection)
        if changes:
            try:
                found = Sending.loads(found.dumps() | changes)
            except NotUsable as error:
                raise Unusable(f"Nothing was changed. {error}") from None
            campaigns.set_sending(house, found, by=operator())
    return found
