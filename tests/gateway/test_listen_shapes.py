"""The same fact, found in each of the payload shapes."""

import json
from pathlib import Path
from typing import Any

import pytest

from dunning.gateway.listen_shapes import customer_of, dig, invoice_of, object_id, subject, subscription_of

FIXTURES = Path(__file__).parent.parent / "fixtures" / "events"


def event(name: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    return read


@pytest.mark.parametrize(
    ("name", "invoice", "customer"),
    [
        ("invoice_before_basil", "in_old", "cus_old"),
        ("invoice_hybrid", "in_hybrid", "cus_hybrid"),
        ("invoice_from_basil_on", "in_new", "cus_new"),
        ("invoice_upcoming", None, "cus_new"),
        ("invoice_payment_paid", "in_new", None),
        ("intent_before_basil", "in_old", "cus_old"),
        ("intent_from_basil_on", None, "cus_new"),
        ("refund_with_charge", "in_old", "cus_old"),
        ("card_detached", None, "cus_former"),
        ("customer_of_2014", None, "cus_2014"),
        ("thin_invoice", "in_new", None),
        ("thin_of_connect", None, "cus_connect"),
    ],
)
def test_an_event_names_its_invoice_and_customer(
    name: str, invoice: str | None, customer: str | None
) -> None:
    assert (invoice_of(event(name)), customer_of(event(name))) == (invoice, customer)


@pytest.mark.parametrize(
    ("name", "subscription"),
    [
        ("invoice_before_basil", "sub_old"),
        ("invoice_hybrid", "sub_new"),
        ("invoice_from_basil_on", "sub_new"),
        ("invoice_one_off", None),
    ],
)
def test_the_new_place_of_the_subscription_wins_over_the_old(name: str, subscription: str | None) -> None:
    assert subscription_of(subject(event(name))) == subscription


def test_an_expanded_subscription_gives_its_id() -> None:
    assert subscription_of({"subscription": {"id": "sub_1", "object": "subscription"}}) == "sub_1"


def test_a_path_that_breaks_off_gives_none() -> None:
    assert dig({"a": {"b": [1]}}, "a", "b", "c") is None
    assert dig({"a": {"b": 1}}, "a", "b") == 1
    assert dig(None, "a") is None


@pytest.mark.parametrize("value", [None, "", 5, {}, {"id": 5}, {"id": None}, ["in_1"]])
def test_what_is_neither_an_id_nor_an_object_has_no_id(value: Any) -> None:
    assert object_id(value) is None


@pytest.mark.parametrize("rubbish", [{}, {"data": None}, {"data": {"object": "in_1"}}, {"related_object": 5}])
def test_rubbish_names_nothing(rubbish: dict[str, Any]) -> None:
    assert (subject(rubbish), invoice_of(rubbish), customer_of(rubbish)) == ({}, None, None)
