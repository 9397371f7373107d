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
    from dunning.flows.learn import learn as fit

    with opened_house() as house:
        cases = fit(house)
    if as_json:
        console.say_json({"cases": cases, "fitted": cases > 0})
    elif cases:
        console.say(f"A new planner is in service; it learned from {cases} recoveries.")
    else:
        console.say("There is no history to learn from yet: the built-in knowledge stays in service.")
