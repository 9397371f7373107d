"""Sessions, events, endpoints and the account over the API."""

import json
from datetime import timedelta

from dunning.sandbox import session_shapes, shapes
from dunning.sandbox.api_call import Call, Endpoint, endpoint, lists, page
from dunning.sandbox.api_errors import invalid, missing
from dunning.sandbox.events import emit
from dunning.sandbox.forms import flag
from dunning.sandbox.state import Obj

_KEPT = timedelta(days=30)
_MAX_TYPES = 20


def _portal(call: Call) -> Obj:
    owner = call.find("customer", call.required("customer"))
    session = call.world.add(session_shapes.portal_session(call.world, owner["id"], call.params))
    call.world.link_sessions.add(session["id"])
    emit(call.world, "billing_portal.session.created", session, call.actor)
    return session


def _portal_configurations(call: Call) -> Obj:
    configuration = {
        "id": "bpc_sandbox",
        "object": "billing_portal.configuration",
        "active": True,
        "application": None,
        "business_profile": {"headline": None, "privacy_policy_url": None, "terms_of_service_url": None},
        "created": 0,
        "default_return_url": None,
        "features": {"payment_method_update": {"enabled": True}, "invoice_history": {"enabled": True}},
        "is_default": True,
        "livemode": call.world.livemode,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "name": None,
        "updated": 0,
    }
    return shapes.listing([configuration], "/v1/billing_portal/configurations")


def _checkout(call: Call) -> Obj:
    if call.param("mode") != "setup":
        raise invalid("The sandbox knows checkout sessions in setup mode only.", param="mode")
    if "payment_method_types" in call.params:
        raise invalid(
            "Received unknown parameter: payment_method_types",
            param="payment_method_types",
            code="parameter_unknown",
        )
    if not call.param("currency") and not call.param("allowed_payment_method_types"):
        raise invalid("In setup mode `currency` is required.", param="currency")
    owner = call.find("customer", call.required("customer"))
    session = call.world.add(session_shapes.checkout_session(call.world, owner["id"], call.params))
    call.world.link_sessions.add(session["id"])
    return session


def _checkout_session(call: Call) -> Obj:
    return call.find("checkout.session")


def _setup_intent(call: Call) -> Obj:
    return call.find("setup_intent")


def _events(call: Call) -> Obj:
    types = call.param("types") or ([call.param("type")] if call.param("type") else None)
    if types and len(types) > _MAX_TYPES:
        raise invalid("You may list at most 20 types.", param="types")
    since = int((call.world.now() - _KEPT).timestamp())
    delivered = call.param("delivery_success")
    found = [
        {"id": one.id, "created": one.created}
        for one in call.world.events.values()
        if one.created >= since
        and (not types or one.type in types)
        and (delivered is None or one.delivered == flag(delivered))
    ]
    answer = page(call, found, "/v1/events")
    answer["data"] = [json.loads(call.world.events[one["id"]].body) for one in answer["data"]]
    return answer


def _event(call: Call) -> Obj:
    found = call.world.events.get(call.path["id"])
    if found is None:
        raise missing("event", call.path["id"])
    body: Obj = json.loads(found.body)
    return body


def _endpoints(call: Call) -> Obj:
    return page(call, call.world.tables["webhook_endpoints"].values(), "/v1/webhook_endpoints")


def _create_endpoint(call: Call) -> Obj:
    call.required("url")
    made = call.world.add(session_shapes.webhook_endpoint(call.world, call.params))
    return made | {"secret": call.world.webhook_secret}


def _account(call: Call) -> Obj:  # noqa: ARG001 - every endpoint takes the call
    return {
        "id": "acct_sandbox",
        "object": "account",
        "business_profile": {"name": "Example Merchant", "support_email": None, "url": None},
        "charges_enabled": True,
        "country": "US",
        "default_currency": "usd",
        "details_submitted": True,
        "email": "owner@merchant.example",
        "metadata": {},
        "payouts_enabled": True,
        "settings": {"dashboard": {"display_name": "Example Merchant", "timezone": "Etc/UTC"}},
        "type": "standard",
    }


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint(
        "POST",
        "/v1/billing_portal/sessions",
        _portal,
        "customer return_url flow_data locale configuration on_behalf_of after_expiration",
    ),
    lists("/v1/billing_portal/configurations", _portal_configurations, "active is_default"),
    endpoint(
        "POST",
        "/v1/checkout/sessions",
        _checkout,
        "mode customer currency success_url cancel_url setup_intent_data metadata client_reference_id "
        "allowed_payment_method_types payment_method_types ui_mode locale expires_at return_url",
    ),
    endpoint("GET", "/v1/checkout/sessions/{id}", _checkout_session),
    endpoint("GET", "/v1/setup_intents/{id}", _setup_intent),
    lists("/v1/events", _events, "type types created delivery_success"),
    endpoint("GET", "/v1/events/{id}", _event),
    lists("/v1/webhook_endpoints", _endpoints),
    endpoint(
        "POST",
        "/v1/webhook_endpoints",
        _create_endpoint,
        "url enabled_events api_version description metadata connect",
    ),
    endpoint("GET", "/v1/account", _account),
)
