"""Announcements: who hears what, how failures are spaced, and signatures that a receiver can trust."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from dunning.core import webhook_signature
from dunning.core.alerts import HEADINGS, digest, headline, sentence_of
from dunning.core.announcement import (
    GIVES_UP_AFTER,
    WAITS,
    Listener,
    ListenerKind,
    Topic,
    body_of,
    next_try,
    switches_off,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
RECOVERY = {
    "id": "rec_1",
    "amount": 4900,
    "currency": "eur",
    "customer": "cus_1",
    "invoice": "in_1",
    "why": "Why.",
}


def listener(**more: object) -> Listener:
    given = {"id": "lst_1", "kind": ListenerKind.SLACK, "target": "slack", "topics": frozenset({Topic.LOST})}
    return Listener(**{**given, **more})  # type: ignore[arg-type]


def test_a_listener_hears_its_topics_and_from_its_amount_on() -> None:
    large = listener(at_least={"eur": 50_000})
    assert not large.hears(Topic.OPENED, amount=90_000, currency="eur")
    assert large.hears(Topic.LOST, amount=50_000, currency="eur")
    assert not large.hears(Topic.LOST, amount=49_999, currency="eur")
    assert large.hears(Topic.LOST, amount=1, currency="usd")


def test_failures_are_tried_again_for_about_three_days_and_no_longer() -> None:
    at, tries = NOW, 1
    while (again := next_try(tries, at)) is not None:
        at, tries = again, tries + 1
    assert GIVES_UP_AFTER <= at - NOW <= GIVES_UP_AFTER + timedelta(hours=6)
    assert tries == len(WAITS) + 1


def test_who_asks_for_patience_gets_it_up_to_a_day() -> None:
    assert next_try(1, NOW, not_before=timedelta(hours=1)) == NOW + timedelta(hours=1)
    assert next_try(1, NOW, not_before=timedelta(days=30)) == NOW + timedelta(days=1)
    assert next_try(9, NOW, not_before=timedelta(seconds=1)) == NOW + WAITS[8]


def test_three_days_of_failure_switch_a_listener_off() -> None:
    assert not switches_off(None, NOW)
    assert not switches_off(NOW - timedelta(days=2, hours=23), NOW)
    assert switches_off(NOW - timedelta(days=3), NOW)


def test_a_body_is_json_with_type_timestamp_and_data() -> None:
    body = body_of(Topic.LOST, NOW, {"at": NOW, "who": "Zoë"})
    assert json.loads(body) == {
        "type": "recovery.lost",
        "timestamp": "2026-03-01T12:00:00Z",
        "data": {"at": "2026-03-01T12:00:00Z", "who": "Zoë"},
    }


def test_a_signature_is_the_one_of_the_specification() -> None:
    # The example of the Standard Webhooks reference libraries.
    at = datetime.fromtimestamp(1614265330, UTC)
    made = webhook_signature.headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [SECRET])
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_both_secrets_of_a_rotation_are_believed_and_nothing_else() -> None:
    old, new = (webhook_signature.make_secret(b"k" * 32, "lst_1", version) for version in (1, 2))
    made = webhook_signature.headers("ann_1", NOW, b"{}", [new, old])
    for secret in (old, new):
        webhook_signature.verify(made, b"{}", secret, now=NOW)
    other = webhook_signature.make_secret(b"k" * 32, "lst_2", 1)
    wrong = [
        (made, b"{ }", old, NOW),
        (made, b"{}", other, NOW),
        ({**made, "webhook-id": "ann_2"}, b"{}", old, NOW),
        ({**made, "webhook-timestamp": "x"}, b"{}", old, NOW),
        ({}, b"{}", old, NOW),
        (made, b"{}", old, NOW + timedelta(minutes=6)),
        (made, b"{}", old, NOW - timedelta(minutes=6)),
    ]
    for given, body, secret, now in wrong:
        with pytest.raises(ValueError, match="webhook"):
            webhook_signature.verify(given, body, secret, now=now)


@pytest.mark.parametrize("topic", Topic)
def test_every_topic_is_a_sentence_for_staff(topic: Topic) -> None:
    body = json.loads(body_of(topic, NOW, {"recovery": RECOVERY}))
    said = sentence_of(body, "https://d.example")
    assert said.startswith(f"{HEADINGS[topic]}: 49.00 EUR of cus_1 (in_1). Why.")
    assert said.endswith("https://d.example/recoveries/rec_1")


def test_many_alerts_become_one_of_bounded_length() -> None:
    lines = [f"Lost: {n} {'x' * 2000}" for n in range(300)]
    text = digest(lines)
    assert len(text) < 15_000
    assert text.endswith("… and 280 more.")
    assert headline(lines).startswith("300 alerts: Lost: 0")
    assert headline(["Lost: it. https://d.example/x"]) == "Lost: it."
