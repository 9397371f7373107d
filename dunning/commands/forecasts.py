"""The list of coming renewals that may fail, on the command line."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house

if TYPE_CHECKING:
    from dunning.flows.renewing import Forecast


def at_risk(
    *,
    read: Annotated[
        bool,
        typer.Option("--read", help="Read the subscriptions from Stripe first; the clock does it daily."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: exact, in minor units.")] = False,
) -> None:
    """List the renewals of the coming 31 days that may fail, and the revenue at risk per currency."""
    from dunning.flows import renewing
    from dunning.flows.pacing import Pace

    with opened_house() as house:
        if read:
            renewing.look_ahead(house, pace=Pace.fit_for(house))
        found = renewing.forecast(house)
    if as_json:
        console.say_json(found.dumps())
        return
    _show(found)


def _show(found: "Forecast") -> None:
    from dunning.flows.renewing import DEFINITION, WORDS

    if found.read_at is None:
        console.say(
            "No renewal is known yet: --read reads them from Stripe, and the clock does it every day."
        )
        return
    for currency, (count, amount) in found.coming.items():
        at_risk_ = _major(found.at_risk.get(currency, 0), currency)
        console.say(
            f"{currency.upper()}: {at_risk_} of {_major(amount, currency)} ({count} renewals) at risk"
        )
    rows = [
        (
            f"{one.renews_at:%Y-%m-%d}",
            one.customer_name or one.customer,
            _major(one.amount, one.currency) if one.amount is not None else "not fixed",
            one.currency.upper(),
            WORDS[one.risk],
            "told" if one.noticed_at else "",
        )
        for one in found.renewals
    ]
    if rows:
        console.say_table(("renews", "customer", "amount", "", "why", ""), rows, right=[2])
    console.say(DEFINITION)


def _major(amount: int, currency: str) -> Any:
    from dunning.core.money import Money

    return f"{Money(amount, currency).decimal():,f}"
