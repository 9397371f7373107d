"""Payment intents, charges, refunds, disputes and balance transactions over the API."""

from dunning.sandbox.api_call import Call, Endpoint, endpoint, lists, matching, merge_metadata, page, page_of
from dunning.sandbox.api_errors import invalid
from dunning.sandbox.money import close_dispute, refund
from dunning.sandbox.state import Obj


def _intent(call: Call) -> Obj:
    return call.find("payment_intent")


def _intents(call: Call) -> Obj:
    found = matching(call.world.tables["payment_intents"].values(), customer=call.param("customer"))
    return page(call, found, "/v1/payment_intents")


def _charge(call: Call) -> Obj:
    return call.find("charge")


def _charges(call: Call) -> Obj:
    wanted = {name: call.param(name) for name in ("customer", "payment_intent")}
    found = matching(call.world.tables["charges"].values(), **wanted)
    return page_of(call, "charges", found, "/v1/charges", **wanted)


def _refund(call: Call) -> Obj:
    return call.find("refund")


def _refunds(call: Call) -> Obj:
    wanted = {name: call.param(name) for name in ("charge", "payment_intent")}
    return page(call, matching(call.world.tables["refunds"].values(), **wanted), "/v1/refunds")


def _create_refund(call: Call) -> Obj:
    asked = call.param("charge")
    if not asked:
        asked = call.find("payment_intent", call.required("payment_intent"))["latest_charge"]
    charge = call.find("charge", asked)
    left = charge["amount"] - charge["amount_refunded"]
    amount = int(call.param("amount") or left)
    if charge["status"] != "succeeded" or not 0 < amount <= left:
        raise invalid(
            f"Charge {charge['id']} has nothing left to refund.", code="charge_already_refunded", saved=True
        )
    made = refund(call.world, charge, amount, call.actor, call.param("reason"))
    merge_metadata(call, made)
    return made


def _dispute(call: Call) -> Obj:
    return call.find("dispute")


def _disputes(call: Call) -> Obj:
    wanted = {name: call.param(name) for name in ("charge", "payment_intent")}
    return page(call, matching(call.world.tables["disputes"].values(), **wanted), "/v1/disputes")


def _close_dispute(call: Call) -> Obj:
    found = call.find("dispute")
    close_dispute(call.world, found["id"], won=False)
    return found


def _transaction(call: Call) -> Obj:
    return call.find("balance_transaction")


def _transactions(call: Call) -> Obj:
    wanted = {name: call.param(name) for name in ("source", "currency", "type")}
    found = matching(call.world.tables["balance_transactions"].values(), **wanted)
    return page(call, found, "/v1/balance_transactions")


def _warnings(call: Call) -> Obj:
    found = matching(call.world.tables["fraud_warnings"].values(), charge=call.param("charge"))
    return page(call, found, "/v1/radar/early_fraud_warnings")


ENDPOINTS: tuple[Endpoint, ...] = (
    lists("/v1/payment_intents", _intents, "customer created"),
    endpoint("GET", "/v1/payment_intents/{id}", _intent),
    lists("/v1/charges", _charges, "customer payment_intent created"),
    endpoint("GET", "/v1/charges/{id}", _charge),
    lists("/v1/refunds", _refunds, "charge payment_intent created"),
    endpoint("POST", "/v1/refunds", _create_refund, "charge payment_intent amount reason metadata"),
    endpoint("GET", "/v1/refunds/{id}", _refund),
    lists("/v1/disputes", _disputes, "charge payment_intent created"),
    endpoint("GET", "/v1/disputes/{id}", _dispute),
    endpoint("POST", "/v1/disputes/{id}/close", _close_dispute),
    lists("/v1/balance_transactions", _transactions, "source currency type created payout"),
    endpoint("GET", "/v1/balance_transactions/{id}", _transaction),
    lists("/v1/radar/early_fraud_warnings", _warnings, "charge payment_intent created"),
)
