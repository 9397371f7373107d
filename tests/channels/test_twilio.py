"""Twilio's documented request, checked field by field, and what its answers mean."""

import base64

import pytest
from fake_http import Fake, Reply

from dunning.channels.twilio import TwilioAccount, TwilioSms, account_from_url, signed_by_twilio
from dunning.mail.provider import Accepted, NotSent, Outgoing, UnknownOutcome

TEXT = Outgoing(
    recipient="+447700900123", idempotency_key="v1:mail:msg_1", subject="", text="Acme: 49 EUR", html=""
)
# From Twilio's own documentation of request validation.
DOCUMENTED = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675310",
    "Digits": "1234",
    "From": "+14158675310",
    "To": "+18005551212",
}


def sms(fake: Fake, **more: str) -> TwilioSms:
    return TwilioSms(TwilioAccount("AC123", "token", **{"sender": "+15005550006", "api": fake.url, **more}))


def test_the_request_is_the_documented_one(fake: Fake) -> None:
    fake.answer = lambda _got: Reply(201, {"sid": "SM1", "status": "queued", "error_code": None})
    assert sms(fake).send(TEXT) == Accepted("SM1")
    (got,) = fake.got
    assert (got.method, got.path) == ("POST", "/2010-04-01/Accounts/AC123/Messages.json")
    assert got.headers["authorization"] == f"Basic {base64.b64encode(b'AC123:token').decode()}"
    assert got.headers["content-type"] == "application/x-www-form-urlencoded"
    assert got.form == {"To": "+447700900123", "From": "+15005550006", "Body": "Acme: 49 EUR"}


def test_a_messaging_service_stands_in_for_the_number(fake: Fake) -> None:
    sms(fake, sender="", service="MG1").send(TEXT)
    assert fake.got[0].form == {"To": "+447700900123", "MessagingServiceSid": "MG1", "Body": "Acme: 49 EUR"}


@pytest.mark.parametrize(
    ("reply", "retryable", "said"),
    [
        (Reply(400, {"code": 21211, "message": "invalid To"}), False, "21211"),
        (Reply(400, {"code": 21610, "message": "unsubscribed"}), False, "STOP"),
        (Reply(401, {"code": 20003, "message": "Authenticate"}), True, "20003"),
        (Reply(429, {"code": 20429, "message": "Too many"}), True, "20429"),
        (Reply(404, text="not json"), False, "404"),
    ],
)
def test_a_no_is_for_good_or_for_now(fake: Fake, reply: Reply, *, retryable: bool, said: str) -> None:
    fake.answer = lambda _got: reply
    with pytest.raises(NotSent, match=said) as refused:
        sms(fake).send(TEXT)
    assert refused.value.retryable is retryable
    assert refused.value.unwanted is (said == "STOP")


@pytest.mark.parametrize("reply", [Reply(500), Reply(503), Reply(cut=True), Reply(302)])
def test_an_answer_that_says_nothing_is_unknown(fake: Fake, reply: Reply) -> None:
    fake.answer = lambda _got: reply
    with pytest.raises(UnknownOutcome):
        sms(fake).send(TEXT)
    assert len(fake.got) == 1


def test_nobody_there_is_not_sent() -> None:
    with pytest.raises(NotSent) as refused:
        TwilioSms(TwilioAccount("AC1", "t", "+15005550006", api="http://127.0.0.1:9")).send(TEXT)
    assert refused.value.retryable


def test_what_twilio_would_refuse_is_not_asked(fake: Fake) -> None:
    for number, text in (("07700 900123", "x"), ("+447700900123", "x" * 400)):
        wrong = Outgoing(recipient=number, idempotency_key="k", subject="", text=text, html="")
        with pytest.raises(NotSent):
            sms(fake).send(wrong)
    assert fake.got == []


def test_a_signature_is_the_documented_one() -> None:
    account = TwilioAccount("AC1", "12345")
    url = "https://example.com/myapp.php?foo=1&bar=2"
    assert signed_by_twilio(account, url, DOCUMENTED, "L/OH5YylLD5NRKLltdqwSvS0BnU=")
    assert not signed_by_twilio(account, url, {**DOCUMENTED, "Digits": "9"}, "L/OH5YylLD5NRKLltdqwSvS0BnU=")
    assert not signed_by_twilio(account, url, DOCUMENTED, "ü")


def test_an_account_is_read_from_its_url() -> None:
    read = account_from_url("twilio://AC1:to%2Fken@api.twilio.com?from=%2B15005550006")
    assert read == TwilioAccount("AC1", "to/ken", "+15005550006")
    assert account_from_url("twilio://AC1:t@api.twilio.com?from=+15005550006").sender == "+15005550006"
    assert account_from_url("twilio://AC1:t@api.ie1.twilio.com?service=MG1").service == "MG1"


@pytest.mark.parametrize(
    "url",
    [
        "twilio://AC1@api.twilio.com?from=%2B1500",
        "https://AC1:t0ps3cret@api.twilio.com?from=%2B1500",
        "twilio://AC1:t0ps3cret@api.twilio.com",
        "twilio://AC1:t0ps3cret@api.twilio.com?from=1&service=2",
        "twilio://AC1:t0ps3cret@api.twilio.com?from=1&other=2",
        "twilio://AC1:t0ps3cret@[api",
    ],
)
def test_a_wrong_url_is_explained_and_its_token_not_repeated(url: str) -> None:
    with pytest.raises(ValueError, match="write twilio://") as refused:
        account_from_url(url)
    assert "t0ps3cret" not in str(refused.value)
    assert refused.value.__cause__ is None
