"""Customers, their cards and their subscriptions over the API."""

from dunning.sandbox import shapes
from dunning.sandbox.api_call import Call, Endpoint, endpoint, lists, matching, merge_metadata, page
from dunning.sandbox.api_errors import ApiError, invalid
from dunning.sandbox.events import emit
from dunning.sandbox.standing import cancel_subscription
from dunning.sandbox.state import Obj
from dunning.sandbox.wallet import add_card, detach_card, make_default

_TEST_CARDS = {
    "pm_card_visa": None,
    "pm_card_mastercard": None,
    "pm_card_us": None,
    "pm_card_chargeCustomerFail": "generic_decline",
    "pm_card_authenticationRequired": "authentication_required",
}


def _customer(call: Call) -> Obj:
    owner = call.find("customer")
    return _stub(owner) if owner["id"] in call.world.deleted else owner


def _stub(owner: Obj) -> Obj:
    return {"id": owner["id"], "object": "customer", "deleted": True}


def _customers(call: Call) -> Obj:
    found = matching(call.world.tables["customers"].values(), email=call.param("email"))
    found = [one for one in found if one["id"] not in call.world.deleted]
    return page(call, found, "/v1/customers")


def _update_customer(call: Call) -> Obj:
    owner = call.find("customer")
    before: Obj = {
        name: owner[name] for name in ("email", "name", "phone", "description") if name in call.params
    }
    owner |= {name: call.param(name) or None for name in before}
    merge_metadata(call, owner)
    settings = call.param("invoice_settings") or {}
    if "default_payment_method" in settings:
        chosen = settings["default_payment_method"] or None
        if chosen and call.find("payment_method", chosen)["customer"] != owner["id"]:
            raise invalid(
                "The payment method must be attached to the customer first.", param="invoice_settings"
            )
        make_default(call.world, owner, chosen, call.actor)
    if owner["email"]:
        call.world.customer_by_email[owner["email"].casefold()] = owner["id"]
    changed = {name: value for name, value in before.items() if owner[name] != value}
    if changed or "metadata" in call.params:
        emit(call.world, "customer.updated", owner, call.actor, previous=changed)
    return owner


def _delete_customer(call: Call) -> Obj:
    owner = call.find("customer")
    for subscription in matching(call.world.tables["subscriptions"].values(), customer=owner["id"]):
        cancel_subscription(call.world, subscription, call.actor, "cancellation_requested")
    emit(call.world, "customer.deleted", owner, call.actor)
    call.world.deleted.add(owner["id"])
    return _stub(owner)


def _cards(call: Call) -> Obj:
    owner = call.find("customer", call.path.get("id") or call.required("customer"))
    if call.param("type") not in {None, "card"}:
        return shapes.listing([], "/v1/payment_methods")
    world = call.world
    found = [world.tables["payment_methods"][one] for one in world.cards_of.get(owner["id"], ())]
    return page(call, found, f"/v1/customers/{owner['id']}/payment_methods")


def _card(call: Call) -> Obj:
    return call.find("payment_method")


def _attach(call: Call) -> Obj:
    owner = call.find("customer", call.required("customer"))
    name = call.path["id"]
    if name == "pm_card_chargeDeclined":
        raise ApiError(
            402, saved=True, type="card_error", code="card_declined", message="Your card was declined."
        )
    if name not in _TEST_CARDS:
        return _already_attached(call, owner)
    code = _TEST_CARDS[name]
    brand = "mastercard" if name == "pm_card_mastercard" else "visa"
    pm = add_card(call.world, owner, origin="api", trouble=code, brand=brand)
    if code == "authentication_required" and (trouble := call.world.cards[pm["id"]].trouble):
        trouble.cause = "authentication"
    emit(call.world, "payment_method.attached", pm, call.actor)
    return pm


def _already_attached(call: Call, owner: Obj) -> Obj:
    pm = call.find("payment_method")
    if pm["customer"] != owner["id"]:
        raise invalid("This payment method was used or detached before; it may not be attached again.")
    return pm


def _detach(call: Call) -> Obj:
    pm = call.find("payment_method")
    if pm["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer.")
    detach_card(call.world, pm, call.actor)
    return pm


def _subscription(call: Call) -> Obj:
    return call.find("subscription")


def _subscriptions(call: Call) -> Obj:
    status = call.param("status")
    found = matching(
        call.world.tables["subscriptions"].values(),
        customer=call.param("customer"),
        status=None if status == "all" else status,
    )
    if status is None:
        found = [one for one in found if one["status"] != "canceled"]
    return page(call, found, "/v1/subscriptions")


def _update_subscription(call: Call) -> Obj:
    subscription = call.find("subscription")
    before = {
        name: subscription[name]
        for name in ("default_payment_method", "pause_collection", "cancel_at_period_end")
    }
    merge_metadata(call, subscription)
    if "default_payment_method" in call.params:
        chosen = call.param("default_payment_method") or None
        subscription["default_payment_method"] = chosen and call.find("payment_method", chosen)["id"]
    if "pause_collection" in call.params:
        subscription["pause_collection"] = _pause(call)
    if "cancel_at_period_end" in call.params:
        subscription["cancel_at_period_end"] = call.param("cancel_at_period_end") == "true"
    changed = {name: value for name, value in before.items() if subscription[name] != value}
    if changed or "metadata" in call.params:
        emit(call.world, "customer.subscription.updated", subscription, call.actor, previous=changed)
    return subscription


def _pause(call: Call) -> Obj | None:
    given = call.param("pause_collection")
    if not given:
        return None
    resumes = given.get("resumes_at")
    return {"behavior": given.get("behavior"), "resumes_at": int(resumes) if resumes else None}


def _cancel(call: Call) -> Obj:
    subscription = call.find("subscription")
    if subscription["status"] == "canceled":
        raise invalid("This subscription is already canceled.", saved=True)
    given = call.param("cancellation_details") or {}
    told = {name: given[name] for name in ("comment", "feedback") if given.get(name)}
    subscription["cancellation_details"] = subscription["cancellation_details"] | told
    cancel_subscription(call.world, subscription, call.actor, "cancellation_requested")
    return subscription


ENDPOINTS: tuple[Endpoint, ...] = (
    lists("/v1/customers", _customers, "email created"),
    endpoint("GET", "/v1/customers/{id}", _customer),
    endpoint(
        "POST",
        "/v1/customers/{id}",
        _update_customer,
        "email name phone description metadata invoice_settings",
    ),
    endpoint("DELETE", "/v1/customers/{id}", _delete_customer),
    lists("/v1/customers/{id}/payment_methods", _cards, "type allow_redisplay"),
    lists("/v1/payment_methods", _cards, "customer type"),
    endpoint("GET", "/v1/payment_methods/{id}", _card),
    endpoint("POST", "/v1/payment_methods/{id}/attach", _attach, "customer"),
    endpoint("POST", "/v1/payment_methods/{id}/detach", _detach),
    lists("/v1/subscriptions", _subscriptions, "customer status created collection_method price"),
    endpoint("GET", "/v1/subscriptions/{id}", _subscription),
    endpoint(
        "POST",
        "/v1/subscriptions/{id}",
        _update_subscription,
        "default_payment_method pause_collection metadata cancel_at_period_end off_session",
    ),
    endpoint(
        "DELETE",
        "/v1/subscriptions/{id}",
        _cancel,
        "invoice_now prorate cancellation_details",
    ),
)
