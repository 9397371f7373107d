"""Each provider's documented request, field by field, over a real connection; and what its answers mean."""

import base64
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from mail.fake_provider import FakeProvider, a_provider, breaks_off_after_taking, breaks_off_before_taking

from dunning.mail.compose import compose
from dunning.mail.http import HttpMailer
from dunning.mail.provider import NotSent, OutgoingMail, UnknownOutcome
from dunning.mail.render import Rendered
from dunning.mail.requests import WIRES

KEY = "key-hunter2"
KEYED = ["resend", "brevo"]
SUBJECT, TEXT, HTML = "Añade una tarjeta", "Hola,\n\n10 €", "<p>Hola</p>"


def mail(*, reply_to: str | None = "Acme help <help@acme.test>") -> OutgoingMail:
    rendered = Rendered(SUBJECT, "", TEXT, HTML)
    message = compose(
        rendered, message_id_local="msg_1", sender="Acme Inc. <billing@acme.test>",
        recipient="ana@x.test", reply_to=reply_to, domain="acme.test",
    )  # fmt: skip
    return OutgoingMail(
        message=message, recipient="ana@x.test", idempotency_key="v1:mail:msg_1", subject=SUBJECT, text=TEXT,
        html=HTML, about={"message": "msg_1"},
    )  # fmt: skip


def mailer(name: str, provider: FakeProvider, *, timeout: float = 5.0) -> HttpMailer:
    return HttpMailer(name, WIRES[name], KEY, domain="mg.acme.test", base=provider.url, timeout=timeout)


@pytest.fixture
def provider() -> Iterator[FakeProvider]:
    with a_provider(MessageID="ref", id="ref", messageId="ref") as running:
        yield running


HEADERS = {"Auto-Submitted": "auto-generated", "X-Entity-Ref-ID": "msg_1"}


def test_postmark_is_asked_as_it_documents(provider: FakeProvider) -> None:
    assert mailer("postmark", provider).send(mail()).reference == "ref"
    (asked,) = provider.asked
    assert asked.path == "/email"
    assert asked.headers["x-postmark-server-token"] == KEY
    assert asked.headers["content-type"] == "application/json"
    assert asked.json == {
        "From": '"Acme Inc." <billing@acme.test>',
        "To": "ana@x.test",
        "ReplyTo": "Acme help <help@acme.test>",
        "Subject": SUBJECT,
        "TextBody": TEXT,
        "HtmlBody": HTML,
        "MessageStream": "outbound",
        "TrackOpens": False,
        "TrackLinks": "None",
        "Metadata": {"dunning_message": "msg_1"},
        "Headers": [{"Name": name, "Value": value} for name, value in HEADERS.items()],
    }


def test_resend_is_asked_as_it_documents(provider: FakeProvider) -> None:
    assert mailer("resend", provider).send(mail()).reference == "ref"
    (asked,) = provider.asked
    assert asked.path == "/emails"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["idempotency-key"] == "v1:mail:msg_1"
    assert asked.json == {
        "from": '"Acme Inc." <billing@acme.test>',
        "to": ["ana@x.test"],
        "reply_to": "Acme help <help@acme.test>",
        "subject": SUBJECT,
        "text": TEXT,
        "html": HTML,
        "headers": HEADERS,
        "tags": [{"name": "dunning_message", "value": "msg_1"}],
    }


def test_sendgrid_is_asked_as_it_documents(provider: FakeProvider) -> None:
    assert mailer("sendgrid", provider).send(mail()).reference == "from-a-header"
    (asked,) = provider.asked
    assert asked.path == "/v3/mail/send"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.json == {
        "personalizations": [
            {"to": [{"email": "ana@x.test"}], "custom_args": {"dunning_message": "msg_1"}},
        ],
        "from": {"email": "billing@acme.test", "name": "Acme Inc."},
        "reply_to": {"email": "help@acme.test", "name": "Acme help"},
        "subject": SUBJECT,
        "content": [{"type": "text/plain", "value": TEXT}, {"type": "text/html", "value": HTML}],
        "headers": HEADERS,
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
        },
    }


def test_mailgun_is_asked_as_it_documents(provider: FakeProvider) -> None:
    assert mailer("mailgun", provider).send(mail()).reference == "ref"
    (asked,) = provider.asked
    assert asked.path == "/v3/mg.acme.test/messages"
    assert asked.headers["authorization"] == "Basic " + base64.b64encode(f"api:{KEY}".encode()).decode()
    assert asked.form == {
        "from": '"Acme Inc." <billing@acme.test>',
        "to": "ana@x.test",
        "subject": SUBJECT,
        "text": TEXT,
        "html": HTML,
        "h:Reply-To": "Acme help <help@acme.test>",
        "h:Message-Id": "<msg_1@acme.test>",
        "h:Auto-Submitted": "auto-generated",
        "h:X-Entity-Ref-ID": "msg_1",
        "o:tracking": "no",
        "v:dunning_message": "msg_1",
    }


def test_brevo_is_asked_as_it_documents(provider: FakeProvider) -> None:
    assert mailer("brevo", provider).send(mail()).reference == "ref"
    (asked,) = provider.asked
    assert asked.path == "/v3/smtp/email"
    assert asked.headers["api-key"] == KEY
    body = asked.json
    assert uuid.UUID(body["headers"].pop("idempotencyKey"))
    assert body == {
        "sender": {"email": "billing@acme.test", "name": "Acme Inc."},
        "to": [{"email": "ana@x.test"}],
        "replyTo": {"email": "help@acme.test", "name": "Acme help"},
        "subject": SUBJECT,
        "textContent": TEXT,
        "htmlContent": HTML,
        "headers": HEADERS | {"X-Mailin-custom": "msg_1"},
    }


@pytest.mark.parametrize("name", WIRES)
def test_one_message_is_always_the_same_request(provider: FakeProvider, name: str) -> None:
    for _ in range(2):
        mailer(name, provider).send(mail(reply_to=None))
    assert provider.asked[0].body == provider.asked[1].body
    assert b"eply" not in provider.asked[0].body


@pytest.mark.parametrize("name", WIRES)
@pytest.mark.parametrize(
    ("answer", "retryable"),
    [
        ((401, {"message": KEY}), True),
        ((403, {}), True),
        ((429, {}), True),
        ((503, {}), True),
        ((302, {}), True),
        ((400, {"message": "no"}), False),
        ((422, {"ErrorCode": 406}), False),
        ((404, {}), False),
    ],
)
def test_a_no_is_certain_and_says_whether_later_may_differ(
    provider: FakeProvider, name: str, answer: Any, *, retryable: bool
) -> None:
    provider.answers = [answer]
    with pytest.raises(NotSent) as caught:
        mailer(name, provider).send(mail())
    assert caught.value.retryable is retryable
    assert len(provider.asked) == 1
    assert provider.accepted == []
    assert KEY not in caught.value.reason or answer[0] not in {401, 403}


def test_an_error_code_of_postmark_beside_a_200_is_a_no(provider: FakeProvider) -> None:
    provider.answers = [(200, {"ErrorCode": 300, "Message": "Invalid 'To' address"})]
    with pytest.raises(NotSent, match="Invalid 'To' address") as caught:
        mailer("postmark", provider).send(mail())
    assert not caught.value.retryable


@pytest.mark.parametrize("name", sorted(set(WIRES) - set(KEYED)))
@pytest.mark.parametrize("answer", [breaks_off_after_taking, breaks_off_before_taking, (500, {}), (504, {})])
def test_without_a_key_no_answer_is_unknown_and_nothing_is_asked_again(
    provider: FakeProvider, name: str, answer: Any
) -> None:
    provider.answers = [answer]
    with pytest.raises(UnknownOutcome):
        mailer(name, provider).send(mail())
    assert len(provider.asked) == 1


@pytest.mark.parametrize("name", KEYED)
def test_with_a_key_no_answer_is_asked_once_more_and_one_mail_is_accepted(
    provider: FakeProvider, name: str
) -> None:
    provider.answers = [breaks_off_after_taking]
    assert mailer(name, provider).send(mail()).reference == "ref"
    assert len(provider.asked) == 2
    assert len(provider.accepted) == 1


@pytest.mark.parametrize("name", KEYED)
@pytest.mark.parametrize("second", [(500, {}), (429, {}), (400, {}), breaks_off_before_taking])
def test_a_second_asking_that_says_nothing_new_stays_unknown(
    provider: FakeProvider, name: str, second: Any
) -> None:
    provider.answers = [breaks_off_after_taking, second]
    with pytest.raises(UnknownOutcome):
        mailer(name, provider).send(mail())
    assert len(provider.asked) == 2
    assert len(provider.accepted) == 1


def test_brevo_saying_that_it_has_the_key_already_means_accepted(provider: FakeProvider) -> None:
    provider.answers = [breaks_off_after_taking, (400, {"code": "duplicate_parameter"})]
    mailer("brevo", provider).send(mail())
    assert len(provider.accepted) == 1


def test_a_provider_that_is_slow_to_answer_is_unknown(provider: FakeProvider) -> None:
    def slow(_: FakeProvider, handler: Any, __: Any) -> None:
        handler.connection.recv(1)  # until the other side gives up

    provider.answers = [slow]
    with pytest.raises(UnknownOutcome, match="ReadTimeout"):
        mailer("postmark", provider, timeout=0.1).send(mail())


@pytest.mark.parametrize("name", WIRES)
def test_a_provider_that_cannot_be_reached_has_certainly_nothing(name: str) -> None:
    with a_provider() as gone:
        pass
    with pytest.raises(NotSent) as caught:
        mailer(name, gone).send(mail())
    assert caught.value.retryable


@pytest.mark.parametrize("name", WIRES)
def test_no_representation_shows_the_key_or_the_words(name: str) -> None:
    request = WIRES[name].request(mail(), KEY, "mg.acme.test")
    assert KEY not in repr(request) + repr(HttpMailer(name, WIRES[name], KEY, domain="x"))
    assert "Hola" not in repr(request)
