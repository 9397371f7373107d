"""Bank accounts that are debited, and their mandates, in Stripe's shape (2026-10-28.endive)."""

from dataclasses import dataclass
from datetime import timedelta

from dunning.sandbox.shapes import billing_details, nulls
from dunning.sandbox.state import Obj, World


@dataclass(frozen=True, slots=True)
class Debit:
    """One kind of bank debit: how long it processes, and what Stripe tells of the account."""

    settles: timedelta
    account: Obj
    charge: Obj
    mandate: Obj


# How long they take: https://docs.stripe.com/payments/bank-debits (usual, not the longest).
DEBITS = {
    "sepa_debit": Debit(
        timedelta(days=5),
        {
            "bank_code": "37040044",
            "branch_code": "",
            "country": "DE",
            "generated_from": nulls("charge setup_attempt"),
        },
        {"bank_code": "37040044", "branch_code": "", "country": "DE"},
        {"reference": "SANDBOX-1", "url": "https://hooks.stripe.com/mandate/sandbox"},
    ),
    "us_bank_account": Debit(
        timedelta(days=4),
        {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": None,
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": {},
        },
        {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "payment_reference": None,
            "routing_number": "110000000",
        },
        {},
    ),
    "bacs_debit": Debit(
        timedelta(days=3),
        {"sort_code": "108800"},
        {"sort_code": "108800"},
        {
            "display_name": None,
            "network_status": "accepted",
            "reference": "SANDBOX1",
            "revocation_reason": None,
            "service_user_number": "123456",
            "url": "https://hooks.stripe.com/mandate/sandbox",
        },
    ),
    "au_becs_debit": Debit(
        timedelta(days=3),
        {"bsb_number": "000000"},
        {"bsb_number": "000000"},
        {"url": "https://hooks.stripe.com/mandate/sandbox"},
    ),
}


def bank_account(world: World, owner: Obj, kind: str) -> Obj:
    """Return a bank account of this customer that may be debited, with a fingerprint of its own."""
    pm_id = world.new_id("pm")
    account = DEBITS[kind].account | {"fingerprint": "fp" + pm_id[-14:], "last4": "6789"}
    return {
        "id": pm_id,
        "object": "payment_method",
        "allow_redisplay": "always",
        "billing_details": billing_details(owner),
        "created": world.stamp(),
        "customer": owner["id"],
        "customer_account": None,
        "livemode": world.livemode,
        "metadata": {},
        "type": kind,
        kind: account,
    }


def charge_details(pm: Obj, mandate: str | None) -> Obj:
    """Return what a charge tells of the bank account it debited."""
    kind = pm["type"]
    known = {name: pm[kind][name] for name in ("fingerprint", "last4")}
    return {"type": kind, kind: DEBITS[kind].charge | known | {"mandate": mandate}}


def mandate(world: World, pm: Obj) -> Obj:
    """Return the standing permission to debit one bank account."""
    kind = pm["type"]
    online = {"ip_address": "127.0.0.1", "user_agent": "sandbox"}
    return {
        "id": world.new_id("mandate"),
        "object": "mandate",
        "customer_acceptance": {"accepted_at": world.stamp(), "type": "online", "online": online},
        "livemode": world.livemode,
        "multi_use": {},
        "payment_method": pm["id"],
        "payment_method_details": {"type": kind, kind: DEBITS[kind].mandate},
        "status": "active",
        "type": "multi_use",
    }
