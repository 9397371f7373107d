"""The built-in outbox."""

from email.message import EmailMessage

from dunning.mail.compose import compose
from dunning.mail.outbox import Outbox
from dunning.mail.provider import Mailer, OutgoingMail
from dunning.mail.render import Rendered


def mail(message: EmailMessage, subject: str, text: str, html: str) -> OutgoingMail:
    return OutgoingMail(
        message=message, recipient="b@x.test", idempotency_key="k", subject=subject, text=text, html=html
    )


def test_the_outbox_accepts_a_message_and_gives_it_to_the_keeper_once() -> None:
    kept: list[OutgoingMail] = []
    mailer: Mailer = Outbox(kept.append)
    message = compose(
        Rendered("s", "", "t", "<p>h</p>"), message_id_local="msg_1", sender="a@acme.test",
        recipient="b@x.test", domain="acme.test",
    )  # fmt: skip
    outgoing = mail(message, "s", "t", "<p>h</p>")
    assert mailer.send(outgoing).reference == "<msg_1@acme.test>"
    assert kept == [outgoing]


def test_an_outgoing_message_shows_no_text_when_it_is_printed() -> None:
    message = compose(
        Rendered("private", "", "private", "private"), message_id_local="m", sender="a@acme.test",
        recipient="b@x.test", domain="acme.test",
    )  # fmt: skip
    assert "private" not in repr(mail(message, "private", "private", "private"))
