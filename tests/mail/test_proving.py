"""Reports of bounces are believed only from the provider, proven as each documents it."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest

from dunning.mail.ecdsa import verifies
from dunning.mail.proving import PROVIDERS, proven

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
SECRET = "a-long-secret"
SVIX = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()

# The vector of SendGrid's own library: github.com/sendgrid/sendgrid-nodejs, eventwebhook.spec.js.
KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZ"
    "FceEu/1FwCM/QmGUhA=="
)
SIGNATURE = "MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH2j/0="
AT = "1588788367"
PAYLOAD = b'{"category":"example_payload","event":"test_event","message_id":"message_id"}'


def sendgrid(signature: str = SIGNATURE, at: str = AT) -> dict[str, str]:
    return {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": at,
    }


def basic(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"dunning:{password}".encode()).decode()}


def svix(body: bytes, *, at: datetime = NOW, key: str = SVIX) -> dict[str, str]:
    stamp = str(int(at.timestamp()))
    signed = b"msg_x." + stamp.encode() + b"." + body
    secret = base64.b64decode(key.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    return {"svix-id": "msg_x", "svix-timestamp": stamp, "svix-signature": f"v1,bm9uZQ== v1,{signature}"}


def mailgun(*, at: datetime = NOW, token: str = "t" * 50, key: str = SECRET) -> bytes:
    stamp = str(int(at.timestamp()))
    signature = hmac.new(key.encode(), (stamp + token).encode(), hashlib.sha256).hexdigest()
    return json.dumps({"signature": {"timestamp": stamp, "token": token, "signature": signature}}).encode()


def test_the_signature_of_sendgrids_own_example_is_good_and_no_other() -> None:
    assert proven("sendgrid", [KEY], sendgrid(), PAYLOAD, NOW)
    assert not proven("sendgrid", [KEY], sendgrid(), PAYLOAD + b" ", NOW)
    assert not proven("sendgrid", [KEY], sendgrid(at="1588788368"), PAYLOAD, NOW)
    assert not proven("sendgrid", [KEY], {}, PAYLOAD, NOW)
    assert not proven("sendgrid", ["not a key"], sendgrid(), PAYLOAD, NOW)


@pytest.mark.parametrize("place", range(0, 71, 7))
def test_a_signature_or_a_key_with_one_bit_turned_is_refused(place: int) -> None:
    key, signature = base64.b64decode(KEY), base64.b64decode(SIGNATURE)
    content = AT.encode() + PAYLOAD
    assert verifies(key, signature, content)
    turned = bytes(byte ^ (1 if index == place else 0) for index, byte in enumerate(signature))
    assert not verifies(key, turned, content)
    assert not verifies(
        bytes(byte ^ (1 if i == 90 - place else 0) for i, byte in enumerate(key)), signature, content
    )


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        b"0",
        bytes.fromhex("3006020100020100"),
        bytes.fromhex("30060201000201"),
        b"\x30\x00",
        b"\x30\x80" * 40,
    ],
)
def test_a_signature_that_is_none_is_refused(signature: bytes) -> None:
    assert not verifies(base64.b64decode(KEY), signature, b"x")


@pytest.mark.parametrize("provider", ["postmark", "brevo", "ses"])
def test_a_password_in_the_address_or_a_bearer_token_proves_it(provider: str) -> None:
    assert proven(provider, [SECRET], basic(SECRET), b"{}", NOW)
    assert proven(provider, ["old", SECRET], {"authorization": f"Bearer {SECRET}"}, b"{}", NOW)
    for header in ({}, basic("wrong"), {"authorization": SECRET}, {"authorization": "Basic ?"}, basic("")):
        assert not proven(provider, [SECRET], header, b"{}", NOW)


def test_resend_is_proven_by_the_body_and_a_fresh_time() -> None:
    assert proven("resend", [SVIX], svix(b"{}"), b"{}", NOW)
    assert not proven("resend", [SVIX], svix(b"{}"), b"{ }", NOW)
    assert not proven("resend", [SVIX], svix(b"{}", at=NOW - timedelta(minutes=6)), b"{}", NOW)
    assert not proven("resend", [SVIX], svix(b"{}", at=NOW + timedelta(minutes=6)), b"{}", NOW)
    other = "whsec_" + base64.b64encode(b"another").decode()
    assert not proven("resend", [SVIX], svix(b"{}", key=other), b"{}", NOW)
    assert not proven("resend", [SVIX], svix(b"{}") | {"svix-timestamp": "now"}, b"{}", NOW)


def test_mailgun_is_proven_by_its_token_within_a_day() -> None:
    assert proven("mailgun", [SECRET], {}, mailgun(), NOW)
    assert not proven("mailgun", [SECRET], {}, mailgun(key="other"), NOW)
    assert not proven("mailgun", [SECRET], {}, mailgun(at=NOW - timedelta(days=2)), NOW)
    for body in (b"", b"[]", b"[" * 100_000, b'{"signature": 1}', b'{"signature": {"timestamp": "1"}}'):
        assert not proven("mailgun", [SECRET], {}, body, NOW)


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_without_a_secret_nothing_is_proven(provider: str) -> None:
    assert not proven(provider, [], basic("") | sendgrid(), b"{}", NOW)
