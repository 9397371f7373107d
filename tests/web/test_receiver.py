"""Every answer of the webhook receiver, over a real socket, on both databases."""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from running_receiver import NOW, SECRET, Desk, event_body, kept, running

from dunning.core.vocabulary import EventState
from dunning.gateway.signature import sign
from dunning.store.engine import Store, open_store

MIB = 1024 * 1024
OWN_SAMPLES = Path(__file__).parent.parent / "fixtures" / "events"


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def desk(store: Store) -> Iterator[Desk]:
    with running(store) as desk:
        yield desk


def in_threads(posts: int, post: Callable[[int], httpx.Response]) -> list[int]:
    with ThreadPoolExecutor(posts) as pool:
        return [answer.status_code for answer in pool.map(post, range(posts))]


def error_of(answer: httpx.Response) -> str:
    code: str = answer.json()["error"]["code"]
    assert answer.json()["error"]["message"].endswith(".")
    return code


def test_an_event_is_kept_as_it_came_and_due_at_once(desk: Desk, store: Store) -> None:
    body = event_body(api_version="2026-10-28.endive", note="ü 😀")
    answer = desk.post(body)
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    [row] = kept(store)
    assert (row.account_id, row.livemode, row.id, row.type) == (
        "self",
        False,
        "evt_1",
        "invoice.payment_failed",
    )
    assert (row.api_version, row.object_id) == ("2026-10-28.endive", "in_1")
    assert (row.request_id, row.idempotency_key) == ("req_1", "v1:pay:self:in_1:1")
    assert row.created_at == datetime(2026, 11, 1, 1, 0, 1, tzinfo=UTC)
    assert row.payload == body
    assert (row.received_at, row.ring_at) == (NOW, NOW)
    assert (row.state, row.note, row.tries, row.fence) == (EventState.NEW, None, 0, 0)


def test_no_answer_is_taken_for_anything_but_json(desk: Desk) -> None:
    for answer in (desk.post(event_body()), desk.http.get(desk.url)):
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_duplicate_is_thanked_and_changes_nothing(desk: Desk, store: Store) -> None:
    assert desk.post(event_body()).status_code == 200
    before = kept(store)
    assert desk.post(event_body(type="invoice.paid")).status_code == 200
    assert kept(store) == before


def test_one_event_posted_twenty_times_at_once_is_kept_once(desk: Desk, store: Store) -> None:
    assert in_threads(20, lambda _: desk.post(event_body())) == [200] * 20
    assert len(kept(store)) == 1


def test_two_hundred_events_posted_at_once_are_all_there(desk: Desk, store: Store) -> None:
    assert in_threads(200, lambda n: desk.post(event_body(f"evt_{n}"))) == [200] * 200
    assert {row.id for row in kept(store)} == {f"evt_{n}" for n in range(200)}


def test_the_same_id_of_another_account_is_another_event(desk: Desk, store: Store) -> None:
    assert desk.post(event_body()).status_code == 200
    assert desk.post(event_body(account="acct_1")).status_code == 200
    assert [row.account_id for row in kept(store)] == ["acct_1", "self"]


def test_a_type_that_nobody_knows_is_kept(desk: Desk, store: Store) -> None:
    assert desk.post(event_body(type="invoice.from_the_future")).status_code == 200
    assert [row.type for row in kept(store)] == ["invoice.from_the_future"]


@pytest.mark.parametrize("ours", [False, True])
def test_the_wrong_livemode_is_kept_marked_and_never_due(store: Store, *, ours: bool) -> None:
    rung: list[str] = []
    with running(store, livemode=ours, wake=lambda: rung.append("ring")) as desk:
        assert desk.post(event_body(livemode=not ours)).status_code == 200
    [row] = kept(store)
    assert (row.livemode, row.state, row.note, row.ring_at) == (
        not ours,
        EventState.IGNORED,
        "wrong livemode",
        None,
    )
    assert rung == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"hello",
        b'{"id": "evt_1", "type": "invoice.paid", "n": NaN}',
        b"[]",
        b"5",
        b'{"type": "invoice.paid"}',
        b'{"id": "evt_1"}',
        b'{"id": 1, "type": "invoice.paid"}',
        b'{"id": "evt_1", "type": ["invoice.paid"]}',
        b'{"id": "evt_\\ud800", "type": "invoice.paid"}',
        b'{"id": "evt_\\u0000", "type": "invoice.paid"}',
        b'{"id": "evt_1", "type": "t", "deep": ' + b"[" * 64 + b"]" * 64 + b"}",
        b"[" * MIB,
        b'{"id": "' + b"e" * 10_000 + b'", "type": "invoice.paid"}',
    ],
)
def test_a_signed_body_that_is_no_event_is_refused_and_not_kept(
    desk: Desk, store: Store, body: bytes
) -> None:
    answer = desk.post(body)
    assert (answer.status_code, error_of(answer)) == (400, "not_an_event")
    assert kept(store) == []


@pytest.mark.parametrize("off_s", [-301, 301, 10**9])
def test_a_timestamp_too_far_off_is_refused_and_not_kept(desk: Desk, store: Store, off_s: int) -> None:
    answer = desk.post(event_body(), off_s=off_s)
    assert (answer.status_code, error_of(answer)) == (400, "bad_signature")
    assert kept(store) == []


GOOD = sign(event_body(), SECRET, NOW)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ([], "no_signature"),
        ([("Stripe-Signature", "")], "no_signature"),
        ([("Stripe-Signature", "rubbish")], "bad_signature"),
        ([("Stripe-Signature", sign(event_body(), "whsec_another", NOW))], "bad_signature"),
        ([("Stripe-Signature", sign(event_body("evt_2"), SECRET, NOW))], "bad_signature"),
        ([("Stripe-Signature", GOOD), ("Stripe-Signature", GOOD)], "bad_signature"),
        ([("Stripe-Signature", f"t=1,{GOOD}")], "bad_signature"),
    ],
)
def test_a_bad_signature_is_refused_and_not_kept(
    desk: Desk, store: Store, headers: list[tuple[str, str]], code: str
) -> None:
    answer = desk.http.post(desk.url, content=event_body(), headers=headers)
    assert (answer.status_code, error_of(answer)) == (400, code)
    assert kept(store) == []


def test_both_secrets_are_believed_while_one_is_rotated(store: Store) -> None:
    with running(store, secrets=("whsec_old", "whsec_new")) as desk:
        assert desk.post(event_body("evt_1"), secret="whsec_old").status_code == 200
        assert desk.post(event_body("evt_2"), secret="whsec_new").status_code == 200
    assert len(kept(store)) == 2


@pytest.mark.parametrize("secrets", [(), ("",), (" ",)])
def test_without_a_secret_stripe_is_asked_to_come_again(store: Store, secrets: tuple[str, ...]) -> None:
    with running(store, secrets=secrets) as desk:
        answer = desk.post(event_body(), secret="".join(secrets))
    assert (answer.status_code, error_of(answer)) == (503, "no_secret")
    assert "STRIPE_WEBHOOK_SECRET" in answer.json()["error"]["message"]
    assert "retry-after" in answer.headers
    assert kept(store) == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_only_post_is_answered(desk: Desk, method: str) -> None:
    answer = desk.http.request(method, desk.url)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def padded(size: int) -> bytes:
    body = event_body()
    return body + b" " * (size - len(body))


def test_a_body_of_one_mebibyte_is_taken_and_one_byte_more_is_not(desk: Desk, store: Store) -> None:
    assert desk.post(padded(MIB)).status_code == 200
    answer = desk.post(padded(MIB + 1))
    assert (answer.status_code, error_of(answer)) == (413, "too_large")
    assert len(kept(store)) == 1


def in_chunks(body: bytes) -> Iterator[bytes]:
    yield from (body[start : start + 60_000] for start in range(0, len(body), 60_000))


def test_a_body_in_chunks_is_taken_up_to_the_same_size(desk: Desk, store: Store) -> None:
    for size, status in ((MIB, 200), (MIB + 1, 413), (5 * MIB, 413)):
        signature = sign(padded(size), SECRET, NOW)
        answer = desk.http.post(
            desk.url, content=in_chunks(padded(size)), headers={"Stripe-Signature": signature}
        )
        assert answer.status_code == status
    assert len(kept(store)) == 1


def test_the_size_is_judged_before_the_signature(desk: Desk, store: Store) -> None:
    answer = desk.http.post(desk.url, content=b" " * (MIB + 1))
    assert answer.status_code == 413
    assert kept(store) == []


def samples() -> list[bytes]:
    """Return sample events: Stripe's own where a folder of them is named, else ours."""
    named = os.environ.get("STRIPE_SAMPLES")
    folder = Path(named) / "events" if named else OWN_SAMPLES
    return [path.read_bytes() for path in sorted(folder.rglob("*.json")) if path.name != "index.json"]


def test_every_sample_posted_twice_is_kept_once(desk: Desk, store: Store) -> None:
    statuses = [desk.post(body).status_code for body in samples() * 2]
    assert set(statuses) == {200}
    read = [json.loads(body) for body in samples()]
    whose = {(e.get("account") or e.get("context"), e.get("livemode", False), e["id"]) for e in read}
    assert len(kept(store)) == len(whose) == (73 if "STRIPE_SAMPLES" in os.environ else 15)


MENDED: st.SearchStrategy[object] = st.sampled_from(
    [None, 1, -1, 10**30, 1e308, True, "", "x" * 300, "\0", "\ud800", [], {}, [[]], "self"]
)
FIELDS = ("id", "type", "account", "context", "created", "livemode", "data", "request", "api_version")
BODIES = st.dictionaries(st.sampled_from(FIELDS), MENDED).map(
    lambda fields: json.dumps(json.loads(event_body("evt_f")) | fields).encode()
)
HEADERS = st.text(st.characters(min_codepoint=32, max_codepoint=126)) | st.from_regex(
    r"(t=[0-9]{0,12},?|v1=[0-9a-f]{0,64},?)*", fullmatch=True
)


def test_no_body_and_no_header_makes_it_stumble(desk: Desk, store: Store) -> None:
    @settings(max_examples=150, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(BODIES | st.binary(max_size=64), st.none() | HEADERS)
    def post(body: bytes, header: str | None) -> None:
        if header is None:
            assert desk.post(body).status_code in {200, 400}
        else:
            headers = {"Stripe-Signature": header.strip()}
            assert desk.http.post(desk.url, content=body, headers=headers).status_code == 400

    post()
    assert desk.post(event_body("evt_after")).status_code == 200
