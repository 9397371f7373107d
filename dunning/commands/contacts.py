"""The command on a customer's further contacts."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.commands.queue import JsonOption, RecoveryId, say_answer


def contact(
    recovery_id: RecoveryId,
    *,
    second: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Whom to write to besides the customer; '' forgets them."),
    ] = None,
    sms: Annotated[
        str | None,
        typer.Option(metavar="NUMBER", help="A number that has agreed to text messages; '' forgets it."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show or set the second contact of a recovery's customer, and the number for text messages."""
    from dunning.flows import contacting
    from dunning.store.contacts import SECOND, SMS

    given = {role: address for role, address in ((SECOND, second), (SMS, sms)) if address is not None}
    with opened_house() as house:
        answers = [
            contacting.keep(house, recovery_id, role, address, by=operator())
            for role, address in given.items()
        ]
        kept = contacting.kept(house, recovery_id)
    for answer in answers:
        say_answer(answer, as_json=as_json)
    if given:
        return
    if as_json:
        console.say_json({"second_contact": kept.second_contact, "sms": kept.sms})
        return
    console.say(f"second contact  {kept.second_contact or '-'}")
    console.say(f"text messages   {kept.sms or '-'}")
