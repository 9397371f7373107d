"""What can be done with a credit note over the API, once it is written; api_invoices writes it."""

from dunning.sandbox.api_call import Call, Endpoint, endpoint
from dunning.sandbox.api_errors import invalid
from dunning.sandbox.money import void_credit_note
from dunning.sandbox.state import Obj


def _credit_note(call: Call) -> Obj:
    return call.find("credit_note")


def _void(call: Call) -> Obj:
    note = call.find("credit_note")
    settled = call.world.tables["invoices"][note["invoice"]]["status"] != "open"
    if note["status"] == "void" or (note["type"] == "pre_payment" and settled):
        raise invalid("This credit note can no longer be voided.", saved=True)
    void_credit_note(call.world, note, call.actor)
    return note


def _mandate(call: Call) -> Obj:
    return call.find("mandate")


ENDPOINTS: tuple[Endpoint, ...] = (
    endpoint("GET", "/v1/credit_notes/{id}", _credit_note),
    endpoint("POST", "/v1/credit_notes/{id}/void", _void),
    endpoint("GET", "/v1/mandates/{id}", _mandate),
)
