"""Setup intents, portal and checkout sessions, and webhook endpoints in Stripe's shape."""

from dunning.sandbox.shapes import nulls
from dunning.sandbox.state import Obj, World


def setup_intent(world: World, owner_id: str, pm_id: str, metadata: Obj) -> Obj:
    """Return the setup intent through which a customer saved a card."""
    intent_id = world.new_id("seti")
    empty = nulls(
        "allowed_payment_method_types application automatic_payment_methods cancellation_reason description "
        "excluded_payment_method_types last_setup_error latest_attempt mandate next_action on_behalf_of "
        "payment_method_configuration_details single_use_mandate customer_account"
    )
    return empty | {
        "id": intent_id,
        "object": "setup_intent",
        "client_secret": f"{intent_id}_secret_sandbox",
        "created": world.stamp(),
        "customer": owner_id,
        "livemode": world.livemode,
        "metadata": metadata,
        "payment_method": pm_id,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "status": "succeeded",
        "usage": "off_session",
    }


def portal_session(world: World, owner_id: str, params: Obj) -> Obj:
    """Return a billing portal session; its page is served by the sandbox itself."""
    session_id = world.new_id("bps")
    return nulls("customer_account on_behalf_of") | {
        "id": session_id,
        "object": "billing_portal.session",
        "configuration": params.get("configuration") or "bpc_sandbox",
        "created": world.stamp(),
        "customer": owner_id,
        "flow": _flow(params.get("flow_data")),
        "livemode": world.livemode,
        "locale": params.get("locale"),
        "return_url": params.get("return_url"),
        "url": f"{world.base_url}/portal/{session_id}",
    }


def _flow(asked: Obj | None) -> Obj | None:
    if not asked:
        return None
    after = asked.get("after_completion") or {"type": "portal_homepage"}
    empty = nulls(
        "customer_update subscription_cancel subscription_pause subscription_update "
        "subscription_update_confirm"
    )
    return empty | {
        "type": asked.get("type", "payment_method_update"),
        "after_completion": {
            "type": after.get("type", "portal_homepage"),
            "redirect": after.get("redirect"),
            "hosted_confirmation": after.get("hosted_confirmation"),
        },
    }


def checkout_session(world: World, owner_id: str, params: Obj) -> Obj:
    """Return a checkout session in setup mode, open for a day."""
    session_id = world.new_id("cs")
    now = world.stamp()
    empty = nulls(
        "adaptive_pricing after_expiration allow_promotion_codes amount_subtotal amount_total "
        "billing_address_collection client_secret collected_information consent consent_collection "
        "currency_conversion customer_account customer_creation customer_details customer_email discounts "
        "integration_identifier invoice invoice_creation locale managed_payments origin_context "
        "payment_intent payment_link payment_method_collection payment_method_configuration_details "
        "permissions recovered_from saved_payment_method_options setup_intent shipping_address_collection "
        "shipping_cost submit_type subscription total_details wallet_options"
    )
    texts = nulls("after_submit shipping_address submit terms_of_service_acceptance")
    return empty | {
        "id": session_id,
        "object": "checkout.session",
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "automatic_tax": nulls("liability provider status") | {"enabled": False},
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "created": now,
        "currency": params.get("currency"),
        "custom_fields": [],
        "custom_text": texts,
        "customer": owner_id,
        "expires_at": now + 86400,
        "livemode": world.livemode,
        "metadata": params.get("metadata") or {},
        "mode": "setup",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "no_payment_required",
        "shipping_options": [],
        "status": "open",
        "success_url": params.get("success_url"),
        "ui_mode": params.get("ui_mode", "hosted_page"),
        "url": f"{world.base_url}/portal/{session_id}",
    }


def webhook_endpoint(world: World, params: Obj) -> Obj:
    """Return a webhook endpoint; its API version is frozen at creation."""
    return {
        "id": world.new_id("we"),
        "object": "webhook_endpoint",
        "api_version": params.get("api_version") or (world.platform or world).api_version,
        "application": None,
        "created": world.stamp(),
        "description": params.get("description"),
        "enabled_events": params.get("enabled_events") or ["*"],
        "livemode": world.livemode,
        "metadata": params.get("metadata") or {},
        "status": "enabled",
        "url": params["url"],
    }
