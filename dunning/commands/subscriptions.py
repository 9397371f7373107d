"""Commands on the subscription behind a recovery: what it owes, and ending it."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated, Any

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.commands.queue import JsonOption, RecoveryId, say_answer
from dunning.errors import Unusable


def debt(recovery_id: RecoveryId, *, as_json: JsonOption = False) -> None:
    """Show what the subscription behind a recovery owes, drafts too, and what cancelling it would do."""
    from dunning.flows import staff
    from dunning.web.api_debt import DebtOfSubscription

    with opened_house(stripe=True) as house:
        found = staff.debt(house, recovery_id)
    if found is None:
        raise Unusable(staff.NO_SUBSCRIPTION)
    told = DebtOfSubscription.of(found)
    if as_json:
        console.say(told.model_dump_json(indent=2))
        return
    console.say(f"Subscription {told.subscription} is {told.status}.")
    _say_bills("Open invoices", told.open, told.open_amounts)
    _say_bills("Drafts", told.drafts, told.draft_amounts)
    console.say("\nIf it is cancelled")
    for sentence in told.if_cancelled:
        console.say(f"  {sentence}")


def cancel(
    recovery_id: RecoveryId,
    *,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show what it would do to the debt; nothing is changed.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Stop a recovery and cancel the subscription behind it, unless its invoice turns out to be paid."""
    from dunning.flows import staff

    if preview:
        debt(recovery_id, as_json=as_json)
        return
    with opened_house() as house:
        answer = staff.cancel_subscription(house, recovery_id, by=operator())
    say_answer(answer, as_json=as_json)


def _say_bills(title: str, bills: list[Any], amounts: dict[str, int]) -> None:
    from dunning.core.money import Money

    total = ", ".join(str(Money(amount, currency)) for currency, amount in amounts.items()) or "none"
    console.say(f"\n{title}: {total}")
    rows = [(one.invoice, Money(one.amount, one.currency), one.created, _word(one)) for one in bills]
    if rows:
        console.say_table(("invoice", "amount", "created (UTC)", ""), rows, right=(1,))


def _word(bill: Any) -> str:
    return bill.why_not_owed or "owed"
