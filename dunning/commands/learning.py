"""The command that teaches the planner."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house


def learn(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit the retry planner on your own history now (the clock does it every day)."""
    from dunning.core.vocabulary import FitVerdict
    from dunning.flows.learn import learn as teach

    with opened_house() as house:
        fit = teach(house)
    if as_json:
        console.say_json(fit.dumps() if fit else {"fitted": False, "cases": 0})
    elif fit is None:
        console.say("There is no history to learn from yet: the built-in knowledge stays in service.")
    else:
        state = "in service" if fit.verdict is FitVerdict.ACCEPTED else "not put into service"
        console.say(f"Planner {fit.version} has learned from {fit.cases} recoveries; it is {state}.")
        console.say(fit.figures["sentence"])
