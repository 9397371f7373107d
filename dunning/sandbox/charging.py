"""One attempt to collect an invoice, and everything that follows from it."""

from datetime import timedelta

from dunning.sandbox import invoice_shapes, money_shapes
from dunning.sandbox.attribution import card_source, credited_to
from dunning.sandbox.declines import Verdict
from dunning.sandbox.events import emit
from dunning.sandbox.issuer import judge
from dunning.sandbox.retries import plan_next
from dunning.sandbox.standing import fall_behind, recover_standing
from dunning.sandbox.state import Actor, Obj, World

SETTLES_AFTER = timedelta(hours=24)


def usable_card(world: World, invoice: Obj) -> Obj | None:
    """Return the card an automatic attempt uses: the invoice's, the subscription's, the customer's."""
    subscription = subscription_of(world, invoice)
    owner = world.tables["customers"][invoice["customer"]]
    candidates = (
        invoice["default_payment_method"],
        subscription and subscription["default_payment_method"],
        owner["invoice_settings"]["default_payment_method"],
    )
    found = next((candidate for candidate in candidates if candidate), None)
    return world.get(found)


def subscription_of(world: World, invoice: Obj) -> Obj | None:
    """Return the subscription that an invoice bills, if any."""
    parent = invoice["parent"]
    return world.get(parent["subscription_details"]["subscription"]) if parent else None


def payment_of(world: World, invoice: Obj) -> tuple[Obj, Obj]:
    """Return an invoice's default payment and its payment intent."""
    payment = world.tables["invoice_payments"][invoice_payment_id(invoice)]
    return payment, world.tables["payment_intents"][payment["payment"]["payment_intent"]]


def invoice_payment_id(invoice: Obj) -> str:
    """Return the id of the default payment; it is the invoice's own, with the other prefix."""
    return "inpay" + str(invoice["id"])[2:]


def attempt(
    world: World,
    invoice: Obj,
    pm: Obj,
    actor: Actor,
    *,
    on_session: bool = False,
    automatic: bool = False,
) -> tuple[Verdict, Obj | None]:
    """Try to collect now; return the verdict and the charge, if the network saw one."""
    verdict = judge(world, invoice, pm, on_session=on_session)
    _, intent = payment_of(world, invoice)
    write_attempt(world, invoice, pm, actor, verdict)
    if verdict.outcome == "requires_action":
        _ask_customer(world, invoice, pm, verdict, actor)
        return verdict, None
    if verdict.outcome == "processing":
        _start_processing(world, invoice, intent, pm, actor)
        return verdict, None
    charge = world.add(invoice_shapes.charge(world, intent, pm, verdict))
    intent["latest_charge"] = charge["id"]
    if verdict.outcome == "paid":
        settle(world, invoice, charge, pm, actor)
    else:
        _decline(world, invoice, charge, pm, verdict, actor=actor, automatic=automatic)
    return verdict, charge


def write_attempt(
    world: World, invoice: Obj, pm: Obj, actor: Actor, verdict: Verdict, *, amount: int | None = None
) -> None:
    """Write the book line of one attempt over `amount` minor units, by default all that is due."""
    paid = verdict.outcome == "paid"
    world.books.write(
        "charge",
        world.now(),
        invoice=invoice["id"],
        customer=invoice["customer"],
        amount=invoice["amount_remaining"] if amount is None else amount,
        currency=invoice["currency"],
        outcome=verdict.outcome,
        decline_code=verdict.decline_code,
        idempotency_key=actor.key,
        made_by=actor.made_by,
        payment_method=pm["id"],
        card_source=card_source(world, invoice, pm),
        credited_to=credited_to(world, invoice, pm, actor) if paid else None,
    )


def payment_error(pm: Obj, verdict: Verdict, charge: Obj | None) -> Obj:
    """Return the error that a payment intent remembers and `pay` answers; absent codes are left out."""
    code = verdict.code or "card_declined"
    optional = {
        "decline_code": verdict.decline_code,
        "advice_code": verdict.advice_code,
        "network_advice_code": verdict.network_advice_code,
        "network_decline_code": verdict.network_decline_code,
        "charge": charge and charge["id"],
    }
    return {
        "type": "card_error",
        "code": code,
        "message": verdict.message,
        "doc_url": f"https://docs.stripe.com/error-codes/{code.replace('_', '-')}",
        "payment_method": dict(pm),
    } | {name: value for name, value in optional.items() if value}


def _remember_failure(world: World, invoice: Obj, pm: Obj, verdict: Verdict) -> None:
    file = world.files[invoice["id"]]
    if file.failed_at is None:
        file.failed_at, file.failed_card = world.now(), pm["id"]
    file.last_decline, file.last_card = verdict.decline_code, pm["id"]


def _decline(
    world: World, invoice: Obj, charge: Obj, pm: Obj, verdict: Verdict, *, actor: Actor, automatic: bool
) -> None:
    _, intent = payment_of(world, invoice)
    intent["status"], intent["payment_method"], intent["next_action"] = "requires_payment_method", None, None
    intent["last_payment_error"] = payment_error(pm, verdict, charge)
    _remember_failure(world, invoice, pm, verdict)
    if automatic or invoice["attempt_count"] == 0:
        invoice["attempt_count"] += 1
    invoice["attempted"] = True
    before = invoice["next_payment_attempt"]
    plan_next(world, invoice, automatic=automatic)
    emit(world, "charge.failed", charge, actor)
    emit(world, "payment_intent.payment_failed", intent, actor)
    emit(world, "invoice.payment_failed", invoice, actor)
    if invoice["next_payment_attempt"] != before:
        emit(world, "invoice.updated", invoice, actor, previous={"next_payment_attempt": before})
    fall_behind(world, invoice, actor)


def _ask_customer(world: World, invoice: Obj, pm: Obj, verdict: Verdict, actor: Actor) -> None:
    _, intent = payment_of(world, invoice)
    intent["status"], intent["payment_method"] = "requires_action", pm["id"]
    intent["next_action"] = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
    intent["last_payment_error"] = payment_error(pm, verdict, None)
    _remember_failure(world, invoice, pm, verdict)
    invoice["attempted"], invoice["next_payment_attempt"] = True, None
    emit(world, "payment_intent.requires_action", intent, actor)
    emit(world, "invoice.payment_action_required", invoice, actor)
    fall_behind(world, invoice, actor)


def _start_processing(world: World, invoice: Obj, intent: Obj, pm: Obj, actor: Actor) -> None:
    intent["status"], intent["payment_method"], intent["last_payment_error"] = "processing", pm["id"], None
    invoice["attempted"] = True
    emit(world, "payment_intent.processing", intent, actor)
    world.schedule(world.now() + SETTLES_AFTER, "settle", invoice=invoice["id"], pm=pm["id"], actor=actor)


def settle(world: World, invoice: Obj, charge: Obj, pm: Obj, actor: Actor) -> None:
    """Move the money: the charge succeeded, so the invoice is paid and the customer in good standing."""
    payment, intent = payment_of(world, invoice)
    charge["balance_transaction"] = world.add(
        money_shapes.balance_transaction(world, "charge", charge, charge["amount"])
    )["id"]
    intent |= {
        "status": "succeeded",
        "amount_received": intent["amount"],
        "payment_method": pm["id"],
        "last_payment_error": None,
        "next_action": None,
    }
    payment |= {"status": "paid", "amount_paid": intent["amount"]}
    payment["status_transitions"] = {"canceled_at": None, "paid_at": world.stamp()}
    world.cards[pm["id"]].trouble = None
    if invoice["attempt_count"] == 0:
        invoice["attempt_count"] = 1
    mark_paid(world, invoice, invoice["amount_paid"] + intent["amount"])
    emit(world, "charge.succeeded", charge, actor)
    emit(world, "payment_intent.succeeded", intent, actor)
    emit(world, "invoice_payment.paid", payment, actor)
    emit(world, "invoice.paid", invoice, actor)
    emit(world, "invoice.payment_succeeded", invoice, actor)
    recover_standing(world, invoice, actor)


def mark_paid(world: World, invoice: Obj, amount: int) -> None:
    """Set the fields of a paid invoice; `amount` in minor units."""
    invoice |= {
        "status": "paid",
        "attempted": True,
        "amount_paid": amount,
        "amount_remaining": 0,
        "auto_advance": False,
        "next_payment_attempt": None,
    }
    invoice.pop("status_details", None)
    invoice["status_transitions"] = invoice["status_transitions"] | {"paid_at": world.stamp()}
