"""Invoices and their payments over the API."""

from dunning.sandbox.api_call import Call, Endpoint, endpoint, lists, matching, merge_metadata, page, page_of
from dunning.sandbox.api_errors import ApiError, invalid
from dunning.sandbox.billing import finalize, void, write_off
from dunning.sandbox.charging import attempt, payment_error, payment_of, usable_card
from dunning.sandbox.declines import Verdict
from dunning.sandbox.events import emit
from dunning.sandbox.forms import flag
from dunning.sandbox.money import credit, pay_out_of_band
from dunning.sandbox.retries import plan_next
from dunning.sandbox.state import Obj

_PAYABLE = {"open", "uncollectible"}


def _retrieve(call: Call) -> Obj:
    return call.find("invoice")


def _list(call: Call) -> Obj:
    world, customer = call.world, call.param("customer")
    if customer:
        found = [world.tables["invoices"][one] for one in world.invoices_of.get(customer, ())]
    else:
        found = list(world.tables["invoices"].values())
    subscription = call.param("subscription")
    if subscription:
        found = [one for one in found if _subscription_id(one) == subscription]
    wanted = {name: call.param(name) for name in ("status", "collection_method")}
    more = {"customer": customer, "subscription": subscription}
    return page_of(call, "invoices", matching(found, **wanted), "/v1/invoices", **wanted, **more)


def _subscription_id(invoice: Obj) -> str | None:
    return invoice["parent"]["subscription_details"]["subscription"] if invoice["parent"] else None


def _update(call: Call) -> Obj:
    invoice = call.find("invoice")
    before = {
        name: invoice[name] for name in ("auto_advance", "next_payment_attempt", "default_payment_method")
    }
    merge_metadata(call, invoice)
    if "default_payment_method" in call.params:
        invoice["default_payment_method"] = call.param("default_payment_method") or None
    if "auto_advance" in call.params:
        _set_auto_advance(call, invoice, on=flag(call.param("auto_advance")))
    changed = {name: value for name, value in before.items() if invoice[name] != value}
    if changed or "metadata" in call.params:
        emit(call.world, "invoice.updated", invoice, call.actor, previous=changed)
    return invoice


def _set_auto_advance(call: Call, invoice: Obj, *, on: bool) -> None:
    if invoice["status"] != "open" or invoice["auto_advance"] == on:
        return
    invoice["auto_advance"], invoice["next_payment_attempt"] = on, None
    if on and invoice["attempted"]:
        plan_next(call.world, invoice, automatic=True)


def _pay(call: Call) -> Obj:
    invoice = call.find("invoice")
    refuse_unless_payable(call, invoice)
    if flag(call.param("paid_out_of_band")):
        pay_out_of_band(call.world, invoice, call.actor)
        return invoice
    pm = _chosen_card(call, invoice)
    on_session = call.param("off_session") is not None and not flag(call.param("off_session"))
    verdict, charge = attempt(call.world, invoice, pm, call.actor, on_session=on_session)
    if verdict.outcome in {"declined", "requires_action"}:
        raise _card_error(call, invoice, pm, verdict, charge)
    return invoice


def refuse_unless_payable(call: Call, invoice: Obj) -> None:
    """Refuse what Stripe refuses.

    Raises:
        ApiError: 400 without a code for a paid or void invoice, or while a payment is processing.
    """
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid", saved=True)
    if invoice["status"] not in _PAYABLE:
        raise invalid(f"This invoice can not be paid because it is {invoice['status']}.", saved=True)
    _, intent = payment_of(call.world, invoice)
    if intent["status"] == "processing":
        raise invalid("This invoice has a payment that is still processing.", saved=True)


def _chosen_card(call: Call, invoice: Obj) -> Obj:
    asked = call.param("payment_method")
    pm = call.find("payment_method", asked) if asked else usable_card(call.world, invoice)
    if pm is None:
        raise invalid("There is no payment method to pay this invoice with.", saved=True)
    if pm["customer"] != invoice["customer"]:
        raise invalid("The payment method does not belong to the customer.", param="payment_method")
    return pm


def _card_error(call: Call, invoice: Obj, pm: Obj, verdict: Verdict, charge: Obj | None) -> ApiError:
    _, intent = payment_of(call.world, invoice)
    error = payment_error(pm, verdict, charge) | {"payment_intent": dict(intent)}
    if verdict.outcome == "requires_action":
        error["code"] = "invoice_payment_intent_requires_action"
    return ApiError(402, saved=True, **error)


def _finalize(call: Call) -> Obj:
    invoice = call.find("invoice")
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize it.", saved=True)
    given = call.param("auto_advance")
    advance = invoice["auto_advance"] if given is None else flag(given)
    finalize(call.world, invoice, call.actor, auto_advance=advance)
    return invoice


def _void(call: Call) -> Obj:
    invoice = call.find("invoice")
    if invoice["status"] not in _PAYABLE:
        raise invalid(f"You can not void an invoice that is {invoice['status']}.", saved=True)
    void(call.world, invoice, call.actor)
    return invoice


def _mark_uncollectible(call: Call) -> Obj:
    invoice = call.find("invoice")
    if invoice["status"] != "open":
        raise invalid("Only open invoices can be marked uncollectible.", saved=True)
    write_off(call.world, invoice, call.actor, "user_forgiven")
    return invoice


def _payments(call: Call) -> Obj:
    found = matching(
        call.world.tables["invoice_payments"].values(),
        invoice=call.param("invoice"),
        status=call.param("status"),
    )
    asked = (call.param("payment") or {}).get("payment_intent")
    if asked:
        found = [one for one in found if one["payment"]["payment_intent"] == asked]
    more = {"invoice": call.param("invoice"), "status": call.param("status"), "payment_intent": asked}
    return page_of(call, "invoice_payments", found, "/v1/invoice_payments", **more)


def _payment(call: Call) -> Obj:
    return call.find("invoice_payment")


def _create_credit_note(call: Call) -> Obj:
    invoice = call.find("invoice", call.required("invoice"))
    amount = int(call.param("amount") or invoice["amount_remaining"] or invoice["amount_paid"])
    limit = invoice["amount_remaining"] if invoice["status"] == "open" else invoice["amount_paid"]
    if not 0 < amount <= limit:
        raise invalid("The credit note is larger than what the invoice still bears.", param="amount")
    refunds = min(int(call.param("refund_amount") or 0), amount) if invoice["status"] == "paid" else 0
    note = credit(call.world, invoice, amount, call.actor, call.param("reason"), refunds)
    merge_metadata(call, note)
    return note


def _credit_notes(call: Call) -> Obj:
    notes = call.world.tables["credit_notes"].values()
    wanted = {name: call.param(name) for name in ("invoice", "customer")}
    return page(call, matching(notes, **wanted), "/v1/credit_notes")


ENDPOINTS: tuple[Endpoint, ...] = (
    lists("/v1/invoices", _list, "status customer subscription created collection_method due_date"),
    endpoint("GET", "/v1/invoices/{id}", _retrieve),
    endpoint(
        "POST", "/v1/invoices/{id}", _update, "auto_advance default_payment_method metadata description"
    ),
    endpoint(
        "POST",
        "/v1/invoices/{id}/pay",
        _pay,
        "payment_method source off_session paid_out_of_band forgive mandate",
    ),
    endpoint("POST", "/v1/invoices/{id}/finalize", _finalize, "auto_advance"),
    endpoint("POST", "/v1/invoices/{id}/void", _void),
    endpoint("POST", "/v1/invoices/{id}/mark_uncollectible", _mark_uncollectible),
    lists("/v1/invoice_payments", _payments, "invoice status payment created"),
    endpoint("GET", "/v1/invoice_payments/{id}", _payment),
    endpoint(
        "POST", "/v1/credit_notes", _create_credit_note, "invoice amount reason metadata memo refund_amount"
    ),
    lists("/v1/credit_notes", _credit_notes, "invoice customer created"),
)
