"""The report of the experiments on the command line."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house

if TYPE_CHECKING:
    from dunning.flows.uplift import Uplift


def incremental(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: exact, in minor units.")] = False,
) -> None:
    """Report what retries and messages bring beyond the held-out share, and what the holdout costs."""
    from dunning.flows.uplift import uplifts

    with opened_house() as house:
        found = uplifts(house)
    if as_json:
        console.say_json({"experiments": [each.dumps() for each in found]})
        return
    if not found:
        console.say("No experiment runs: `dunning holdout --retries 10%` starts one.")
    for each in found:
        _show(each)


def _show(found: "Uplift") -> None:
    console.say(f"{found.experiment.value}: {found.sentence}")
    head = ("currency", "invoices", "held out", "incremental", "95 % interval", "price of the holdout")
    rows = [
        (
            code.upper(),
            money.treated + money.holdout,
            money.holdout,
            _major(money.incremental.value, code) if money.incremental else "not yet known",
            f"{_major(money.incremental.low, code)} to {_major(money.incremental.high, code)}"
            if money.incremental
            else "-",
            _major(money.price.value, code) if money.price else "not yet known",
        )
        for code, money in found.currencies.items()
    ]
    if rows:
        console.say_table(head, rows, right=range(1, 6))
    console.say()


def _major(amount: Any, currency: str) -> str:
    from dunning.core.money import Money

    return f"{Money(int(amount), currency).decimal():,f}"
