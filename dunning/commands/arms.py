"""The command on what the arms of campaigns bring."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import TYPE_CHECKING, Annotated

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house

if TYPE_CHECKING:
    from dunning.flows.arms import Arms

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def arms(*, as_json: JsonOption = False) -> None:
    """Report what each arm of a campaign recovers, against the others; no winner is named on thin data."""
    from dunning.flows.arms import compared

    with opened_house() as house:
        found = compared(house)
    if as_json:
        console.say_json({"campaigns": [each.dumps() for each in found]})
        return
    if not found:
        console.say("No campaign has arms: [[arms]] tables in a campaign's file make them.")
    for each in found:
        _show(each)


def _show(found: "Arms") -> None:
    console.say(f"{found.campaign.key} version {found.campaign.version}: {found.sentence}")
    rows = [
        (
            one.key,
            f"{float(one.share * 100):g} %",
            one.invoices,
            f"{one.rate.value * 100:.1f} %" if one.rate else "not yet known",
            f"{one.rate.low * 100:.1f} to {one.rate.high * 100:.1f} %" if one.rate else "-",
        )
        for one in found.figures
    ]
    console.say_table(("arm", "share", "invoices", "recovered", "95 % interval"), rows, right=range(1, 5))
    for pair in found.comparisons:
        if pair.difference is not None:
            low, high = (f"{part * 100:+.1f}" for part in (pair.difference.low, pair.difference.high))
            console.say(f"{pair.arm} against {pair.other}: {low} to {high} points of the invoices.")
    console.say()
