"""The command that holds a share of the customers out."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.errors import Unusable


def holdout(
    *,
    retries: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Share that keeps the plain ladder, such as 10%.")
    ] = None,
    messages: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Share that gets no messages, such as 5%.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show or set what random share of the customers goes without, to measure what retries are worth."""
    from dunning.core.experiments import said, share_of
    from dunning.core.vocabulary import Experiment
    from dunning.flows import experiments
    from dunning.store import experiments as kept

    asked = {Experiment.RETRIES: retries, Experiment.MESSAGES: messages}
    try:
        wanted = {name: share_of(text) for name, text in asked.items() if text is not None}
    except ValueError as problem:
        raise Unusable(str(problem)) from None
    with opened_house() as house:
        if wanted:
            experiments.set_shares(house, wanted, by=operator())
        with house.store.read() as connection:
            shares = {name.value: said(share) for name, share in kept.shares(connection).items()}
    if as_json:
        console.say_json(shares)
        return
    console.say(f"retries   {shares['retries']} of the customers keep the plain ladder")
    console.say(f"messages  {shares['messages']} of the customers get no messages")
