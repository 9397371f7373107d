"""Each provider's documented report is read as what it says, and a strange one is refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from dunning.core.vocabulary import MailEventKind as Kind
from dunning.mail.reports import Report, Unreadable, read

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
OURS = "msg_01jd3k0000abcdefghjkmn"
POSTMARK = {
    "RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "TypeCode": 1, "Inactive": True,
    "MessageID": "m-1",
    "Description": "The server was unable to deliver your message", "Email": "Ana@X.test",
    "From": "billing@acme.test", "BouncedAt": "2026-11-02T16:33:54.9070259Z",
    "Metadata": {"dunning_message": OURS},
}  # fmt: skip
RESEND = {
    "type": "email.bounced", "created_at": "2026-11-02T16:33:54.000Z",
    "data": {
        "email_id": "e-1", "to": ["ana@x.test"], "subject": "s", "tags": {"dunning_message": OURS},
        "bounce": {"message": "No such mailbox", "subType": "General", "type": "Permanent"},
    },
}  # fmt: skip
SENDGRID = {
    "email": "ana@x.test", "timestamp": 1793637234, "smtp-id": "<x>", "event": "bounce", "type": "bounce",
    "sg_event_id": "sg-1", "sg_message_id": "m", "reason": "550 no such user", "status": "5.1.1",
    "dunning_message": OURS,
}  # fmt: skip
MAILGUN = {
    "signature": {"timestamp": "1", "token": "tok", "signature": "s"},
    "event-data": {
        "id": "x", "event": "failed", "severity": "permanent", "recipient": "ana@x.test",
        "timestamp": 1793637234.5, "user-variables": {"dunning_message": OURS},
        "delivery-status": {"code": 550, "description": "No such mailbox"},
    },
}  # fmt: skip
BREVO = {
    "event": "hard_bounce", "email": "ana@x.test", "id": 26224, "date": "2026-11-02 16:33:54",
    "ts": 1793637234, "message-id": "<a@b>", "ts_event": 1793637234, "subject": "s", "X-Mailin-custom": OURS,
    "reason": "no such mailbox", "tags": [],
}  # fmt: skip


def sns(**told: Any) -> dict[str, Any]:
    mail = {"messageId": "ses-1", "headers": [{"name": "X-Entity-Ref-ID", "value": OURS}]}
    return {"Type": "Notification", "MessageId": "sns-1", "Message": json.dumps({"mail": mail} | told)}


SES = sns(
    notificationType="Bounce",
    bounce={
        "bounceType": "Permanent", "timestamp": "2026-11-02T16:33:54.000Z",
        "bouncedRecipients": [{"emailAddress": "ana@x.test", "diagnosticCode": "smtp; 550 5.1.1"}],
    },
)  # fmt: skip

SPAM = {"complainedRecipients": [{"emailAddress": "a@x.test"}]}
FAILED: dict[str, Any] = MAILGUN["event-data"]  # type: ignore[assignment]  # a mixed dict


def one(provider: str, said: Any) -> Report:
    (found,) = read(provider, json.dumps(said).encode(), {"svix-id": "svix-1"}, NOW)
    return found


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("postmark", POSTMARK),
        ("resend", RESEND),
        ("sendgrid", [SENDGRID]),
        ("mailgun", MAILGUN),
        ("brevo", BREVO),
        ("ses", SES),
    ],
)
def test_a_hard_bounce_is_read_with_our_message_the_address_the_reason_and_the_time(
    provider: str, said: Any
) -> None:
    found = one(provider, said)
    assert found.kind is Kind.HARD_BOUNCE
    assert found.address == "ana@x.test"
    assert found.message_id == OURS
    assert found.detail
    assert found.at.date().isoformat() == "2026-11-02"
    assert found == one(provider, said)  # told twice, it has one id


@pytest.mark.parametrize(
    ("provider", "said", "kind"),
    [
        ("postmark", POSTMARK | {"Type": "SoftBounce", "Inactive": False}, Kind.SOFT_BOUNCE),
        ("postmark", POSTMARK | {"RecordType": "SpamComplaint"}, Kind.COMPLAINT),
        (
            "postmark",
            {"RecordType": "SubscriptionChange", "MessageID": "m", "Recipient": "a@x.test",
             "SuppressSending": True, "SuppressionReason": "ManualSuppression",
             "ChangedAt": "2026-11-02T01:00:00Z"},
            Kind.UNSUBSCRIBED,
        ),
        (
            "postmark",
            {"RecordType": "Delivery", "MessageID": "m", "Recipient": "a@x.test",
             "DeliveredAt": "2026-11-02T01:00:00Z"},
            Kind.DELIVERED,
        ),
        ("resend", RESEND | {"type": "email.complained"}, Kind.COMPLAINT),
        ("resend", RESEND | {"type": "email.delivered"}, Kind.DELIVERED),
        ("resend", RESEND | {"type": "email.delivery_delayed"}, Kind.SOFT_BOUNCE),
        ("sendgrid", [SENDGRID | {"type": "blocked"}], Kind.SOFT_BOUNCE),
        ("sendgrid", [SENDGRID | {"event": "dropped", "reason": "Bounced Address"}], Kind.HARD_BOUNCE),
        ("sendgrid", [SENDGRID | {"event": "dropped", "reason": "Spam Reporting Address"}], Kind.COMPLAINT),
        ("sendgrid", [SENDGRID | {"event": "dropped", "reason": "Over quota"}], Kind.SOFT_BOUNCE),
        ("sendgrid", [SENDGRID | {"event": "spamreport"}], Kind.COMPLAINT),
        ("sendgrid", [SENDGRID | {"event": "deferred"}], Kind.SOFT_BOUNCE),
        ("mailgun", MAILGUN | {"event-data": FAILED | {"severity": "temporary"}}, Kind.SOFT_BOUNCE),
        ("mailgun", MAILGUN | {"event-data": FAILED | {"event": "complained"}}, Kind.COMPLAINT),
        ("brevo", BREVO | {"event": "spam"}, Kind.COMPLAINT),
        ("brevo", BREVO | {"event": "soft_bounce"}, Kind.SOFT_BOUNCE),
        ("ses", sns(eventType="Complaint", complaint=SPAM), Kind.COMPLAINT),
        ("ses", sns(notificationType="Delivery", delivery={"recipients": ["a@x.test"]}), Kind.DELIVERED),
    ],
)  # fmt: skip
def test_what_is_less_or_other_than_a_hard_bounce_is_told_apart(provider: str, said: Any, kind: Kind) -> None:
    assert one(provider, said).kind is kind


@pytest.mark.parametrize(
    ("provider", "said"),
    [
        ("postmark", {"RecordType": "Open"}),
        ("resend", {"type": "email.opened", "data": {"to": ["a@x.test"]}}),
        ("sendgrid", [SENDGRID | {"event": "click"}]),
        ("mailgun", MAILGUN | {"event-data": {"event": "opened"}}),
        ("brevo", {"event": "opened"}),
        ("ses", {"Type": "SubscriptionConfirmation", "SubscribeURL": "https://evil.test"}),
    ],
)
def test_what_is_of_no_interest_is_left_out(provider: str, said: Any) -> None:
    assert read(provider, json.dumps(said).encode(), {}, NOW) == []


@pytest.mark.parametrize("provider", ["postmark", "resend", "sendgrid", "mailgun", "brevo", "ses"])
@pytest.mark.parametrize(
    "body", [b"", b"{", b"1", b'"x"', b"[1]", b"null", b"[" * 100_000, b'{"event": {}}', b'{"type": []}']
)
def test_a_strange_body_is_refused_and_never_breaks(provider: str, body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(provider, body, {}, NOW)


def test_an_id_that_is_not_ours_and_a_word_of_many_lines_do_no_harm() -> None:
    said = POSTMARK | {"Metadata": {"dunning_message": "x' OR 1=1"}, "Description": "a\r\nb\x00" + "c" * 5000}
    found = one("postmark", said)
    assert found.message_id is None
    assert "\n" not in found.detail
    assert len(found.detail) <= 500
