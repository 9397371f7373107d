"""Random histories of money on the stage, and what the sandbox's own books say of them.

Nothing here asks the product: the books are one line per movement, and are added up as they stand.
"""

import random
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, Final

from scenarios.stage import Stage

from dunning.sandbox.actions import named

AMOUNTS: Final = {"usd": 2900, "jpy": 3100, "kwd": 12345}  # of two, no and three decimals
FAILS: Final = ("insufficient_funds", "do_not_honor", "generic_decline", "expired_card", "processing_error")
BACK: Final = {
    "refund": ("refunded", 1),
    "refund_failure": ("refunded", -1),
    "dispute": ("disputed", 1),
    "dispute_reversal": ("disputed", -1),
    "credit_note": ("credited", 1),
    "credit_note_void": ("credited", -1),
    "late_failure": ("recovered", -1),
}
Days = dict[tuple[str, str, str], int]  # (day, currency, figure) -> minor units


def begin(stage: Stage, chance: random.Random) -> dict[str, Any]:
    """Let one customer's payment fail, and plan nothing: what follows is chosen day by day."""
    currency = chance.choice(sorted(AMOUNTS))
    ids: dict[str, Any] = stage.sandbox.customer(
        fail=chance.choice(FAILS),
        country="GB",
        currency=currency,
        amount=AMOUNTS[currency] + chance.randrange(7),
        clears_after_hours=chance.choice((None, 1, 30, 100)),
    )
    return ids | {"currency": currency, "notes": [], "refunds": [], "disputes": []}


def live(stage: Stage, ids: dict[str, Any], chance: random.Random) -> None:
    """Let at most one thing happen to an invoice, as its state allows."""
    invoice = stage.invoice(ids)
    if chance.random() < 0.5:
        return
    if invoice["status"] == "open":
        _while_open(stage, ids, invoice["amount_remaining"], chance)
    elif invoice["status"] == "paid":
        _once_paid(stage, ids, chance)


def _while_open(stage: Stage, ids: dict[str, Any], due: int, chance: random.Random) -> None:
    whole, part = {"invoice": ids["invoice"]}, chance.randrange(1, max(due // 2, 2))
    doing, with_ = chance.choice(
        (
            ("pay_part", whole | {"amount": part}),
            ("pay", whole | {"card": "new"}),
            ("credit", whole | {"amount": part}),
            ("pay_out_of_band", whole),
            ("void", whole),
            ("change_card", {"customer": ids["customer"], "through_link": False}),
        )
    )
    _do(stage, ids, doing, with_)


def _once_paid(stage: Stage, ids: dict[str, Any], chance: random.Random) -> None:
    whole, some = {"invoice": ids["invoice"]}, chance.randrange(1, 900)
    choices: list[tuple[str, dict[str, Any]]] = [
        ("refund", whole | {"amount": some}),
        ("refund", whole | {"amount": some, "fails_after_hours": chance.choice((0, 20, 50))}),
        ("dispute", whole | {"inquiry": chance.random() < 0.3}),
        ("dispute", whole | {"amount": some}),
        ("credit", whole | {"amount": some}),
        ("credit", whole | {"amount": some, "refund": some // 2}),
        ("late_failure", whole),
    ]
    choices += [("close_dispute", {"dispute": one, "won": chance.random() < 0.5}) for one in ids["disputes"]]
    choices += [("escalate", {"dispute": one}) for one in ids["disputes"]]
    choices += [("void_credit", {"credit_note": one}) for one in ids["notes"]]
    _do(stage, ids, *chance.choice(choices))


def _do(stage: Stage, ids: dict[str, Any], name: str, with_: dict[str, Any]) -> None:
    try:
        answer = named(name)(stage.sandbox, with_)
    except ValueError:
        return  # nothing of that kind is left: paid outside Stripe, refunded whole, voided
    ids["disputes"] += [answer["dispute"]] if name == "dispute" else []
    # Stripe voids what was written before the payment only while the invoice is open, and nothing twice.
    if name == "credit" and stage.invoice(ids)["status"] == "paid":
        ids["notes"].append(answer["credit_note"])
    if name == "void_credit":
        ids["notes"].remove(with_["credit_note"])


def of_the_books(lines: list[dict[str, Any]]) -> tuple[Days, Days]:
    """Return the money by the day it moved, and by the day of the failure, as the books alone tell it.

    What came in since an invoice failed is recovered money; what left, or came back, of invoices that were
    recovered by a charge or a transfer is theirs. A credit note on an open invoice moves no money.
    """
    failed: dict[str, str] = {}
    due: dict[str, int] = {}
    cash: Days = defaultdict(int)
    cohort: Days = defaultdict(int)
    for line in lines:
        day, invoice, amount = _day(line["at"]), line["invoice"], line["amount"]
        if line["outcome"] in {"declined", "requires_action"} and invoice not in failed:
            failed[invoice], due[invoice] = day, amount
        figure, sign = BACK.get(line["kind"], (None, 0))
        if line["outcome"] == "paid":
            figure, sign = "recovered", 1
        if invoice not in failed or figure is None:
            continue
        before_payment = figure == "credited" and due[invoice] > 0
        if before_payment or (sign > 0 and figure == "recovered"):
            due[invoice] -= amount if sign > 0 else -amount
        if not before_payment:
            cash[day, line["currency"], figure] += sign * amount
            cohort[failed[invoice], line["currency"], figure] += sign * amount
    return _kept(cash), _kept(cohort)


def fees(stage: Stage) -> tuple[Days, Days]:
    """Return what Stripe took on payments of failed invoices: by the day it took it, and of the failure."""
    failed: dict[str, str] = {}
    for line in stage.sandbox.books():
        if line["outcome"] in {"declined", "requires_action"}:
            failed.setdefault(line["invoice"], line["at"])
    world = stage.sandbox.world
    invoices = {
        one["payment"]["payment_intent"]: one["invoice"] for one in world.tables["invoice_payments"].values()
    }
    cash: Days = defaultdict(int)
    cohort: Days = defaultdict(int)
    for moved in world.tables["balance_transactions"].values():
        disputed = world.tables["disputes"].get(moved["source"])
        charge = world.tables["charges"].get(disputed["charge"] if disputed else moved["source"])
        invoice = charge and invoices[charge["payment_intent"]]
        if invoice in failed:
            day = _day(datetime.fromtimestamp(moved["created"], UTC).isoformat())
            cash[day, moved["currency"], "fees"] += moved["fee"]
            cohort[_day(failed[invoice]), moved["currency"], "fees"] += moved["fee"]
    return _kept(cash), _kept(cohort)


def _day(at: str) -> str:
    return datetime.fromisoformat(at).astimezone(UTC).date().isoformat()


def _kept(days: Days) -> Days:
    return {place: amount for place, amount in days.items() if amount}


def play(stage: Stage, seed: int, count: int, days: int) -> list[dict[str, Any]]:
    """Play `count` histories side by side for some days, and let all their news arrive."""
    chance = random.Random(seed)
    people = []
    for day in range(days):
        if day < days // 2:
            share = count // (days // 2) + (day < count % (days // 2))
            people += [begin(stage, chance) for _ in range(share)]
        stage.settle()
        for ids in people:
            live(stage, ids, chance)
            stage.settle()
        stage.pass_time(hours=chance.choice((20, 24, 27)))
    stage.pass_time(days=3)
    return people
