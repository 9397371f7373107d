"""The head of an event, out of every payload shape and out of rubbish."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.gateway.listen import DEPTH_MAX, Head, Malformed, parse, read_head

FIXTURES = Path(__file__).parent.parent / "fixtures" / "events"


def head_of(name: str) -> Head:
    return read_head((FIXTURES / f"{name}.json").read_bytes())


def head_with(**fields: Any) -> Head:
    return read_head(json.dumps({"id": "evt_1", "type": "invoice.paid", **fields}).encode())


def test_a_snapshot_is_read_into_its_head() -> None:
    assert head_of("invoice_before_basil") == Head(
        account_id="self",
        livemode=False,
        id="evt_fix_before_basil",
        type="invoice.payment_failed",
        api_version="2020-08-27",
        object_id="in_old",
        created_at=datetime(2026, 11, 1, 1, 0, 3, tzinfo=UTC),
        request_id="req_old",
        idempotency_key="v1:pay:self:in_old:2",
    )


def test_a_thin_notification_is_read_into_the_same_head() -> None:
    assert head_of("thin_invoice") == Head(
        account_id="self",
        livemode=False,
        id="evt_fix_thin",
        type="v1.invoice.payment_failed",
        api_version=None,
        object_id="in_new",
        created_at=datetime(2026, 11, 1, 1, 0, 3, 250000, tzinfo=UTC),
        request_id="req_thin",
        idempotency_key="v1:pay:self:in_new:3",
    )


def test_connect_events_belong_to_the_account_they_name_in_either_shape() -> None:
    assert head_of("invoice_of_connect").account_id == "acct_fix"
    assert head_of("thin_of_connect").account_id == "acct_fix"


def test_a_live_event_says_so_and_a_missing_mode_is_test_mode() -> None:
    assert head_of("invoice_paid_live").livemode is True
    assert head_of("thin_of_connect").livemode is False


def test_an_upcoming_invoice_has_no_object_id() -> None:
    assert head_of("invoice_upcoming").object_id is None


def test_a_request_that_is_only_a_string_is_the_request_id() -> None:
    head = head_of("customer_of_2014")
    assert (head.request_id, head.idempotency_key) == ("iar_2014", None)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"\xff\xfe{}", "UTF-8"),
        ('{"id": "evt_1", "type": "invoice.paid"}'.encode("utf-16"), "UTF-8"),
        (b"", "not JSON"),
        (b"hello", "not JSON"),
        (b'{"id": "evt_1", "type": "t", "n": NaN}', "not JSON"),
        (b'{"id": "evt_1", "type": "t", "n": -Infinity}', "not JSON"),
        (b'{"id": "evt_1", "type": "t"} x', "not JSON"),
        (b"[]", "not a JSON object"),
        (b'"evt_1"', "not a JSON object"),
        (b"null", "not a JSON object"),
        (b'{"type": "invoice.paid"}', "string id"),
        (b'{"id": "evt_1"}', "string type"),
        (b'{"id": 5, "type": "invoice.paid"}', "string id"),
        (b'{"id": "evt_1", "type": null}', "string type"),
        (b'{"id": "", "type": "invoice.paid"}', "id is empty"),
        (b'{"id": "evt_1", "type": "a\\u0000b"}', "type is empty"),
        (b'{"id": "evt_\\ud800", "type": "invoice.paid"}', "id is empty"),
        (b'{"id": "' + b"e" * 10_000 + b'", "type": "invoice.paid"}', "id is empty"),
        (b'{"id": "evt_1", "type": "t", "account": 5}', "account"),
        (b'{"id": "evt_1", "type": "t", "account": "acct_\\u0000"}', "account"),
        (b'{"id": "evt_1", "type": "t", "context": ["acct_1"]}', "account"),
        (b"[" * 1024 * 1024, "nests deeper"),
        (b'{"a":' * 200_000, "nests deeper"),
    ],
)
def test_what_is_not_an_event_is_refused_with_the_reason(raw: bytes, why: str) -> None:
    with pytest.raises(Malformed, match=why):
        read_head(raw)


def nested(depth: int, opening: str, closing: str) -> bytes:
    inner = opening * (depth - 1) + "1" + closing * (depth - 1)
    return f'{{"id": "evt_1", "type": "t", "deep": {inner}}}'.encode()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a": ', "}")])
def test_an_event_may_nest_64_deep_and_no_deeper(opening: str, closing: str) -> None:
    assert read_head(nested(DEPTH_MAX, opening, closing)).id == "evt_1"
    with pytest.raises(Malformed, match="deeper than 64"):
        read_head(nested(DEPTH_MAX + 1, opening, closing))


def test_brackets_inside_strings_are_not_depth() -> None:
    assert head_with(note="[{" * 1000).id == "evt_1"


@pytest.mark.parametrize(
    "created",
    [
        None,
        True,
        "yesterday",
        "2026-11-01T01:00:03",
        "0001-01-01T00:00:00+23:59",
        -(10**18),
        10**400,
        1e308,
        {},
    ],
)
def test_an_absurd_date_is_no_date_and_no_error(created: Any) -> None:
    assert head_with(created=created).created_at is None


def test_integers_of_any_length_are_json() -> None:
    assert parse(b'{"n": ' + b"9" * 5000 + b', "m": 7}') == {"n": float("inf"), "m": 7}


@pytest.mark.parametrize("unusable", ["a\0b", "\ud800", "x" * 256, "", 7, ["x"], {"x": 1}, True])
def test_an_optional_field_that_no_database_takes_is_left_out(unusable: Any) -> None:
    head = head_with(
        api_version=unusable,
        data={"object": {"id": unusable}},
        request={"id": unusable, "idempotency_key": unusable},
    )
    assert (head.api_version, head.object_id, head.request_id, head.idempotency_key) == (None,) * 4


def test_text_beyond_ascii_is_kept_as_it_is() -> None:
    assert head_with(data={"object": {"id": "プラン_日本語_😀"}}).object_id == "プラン_日本語_😀"


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["\0", "\ud800", "1e999"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "id",
    "type",
    "account",
    "context",
    "livemode",
    "created",
    "data",
    "request",
    "reason",
    "related_object",
)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES) | VALUES)
def test_any_json_is_a_head_or_malformed(body: Any) -> None:
    try:
        head = read_head(json.dumps(body).encode())
    except Malformed:
        return
    for text in (head.id, head.type, head.account_id):
        assert 0 < len(text.encode()) <= 4 * 255
    assert head.created_at is None or head.created_at.tzinfo is UTC


@given(st.binary(max_size=200))
def test_random_bytes_are_not_an_event(raw: bytes) -> None:
    with pytest.raises(Malformed):
        read_head(raw)
