"""The mail setting: what it builds, and what it says when it cannot."""

import pytest

from dunning.mail.factory import mailer_from_url, server_from_url
from dunning.mail.outbox import Outbox
from dunning.mail.provider import OutgoingMail
from dunning.mail.smtp import SmtpMailer, SmtpServer


def keep_nothing(_outgoing: OutgoingMail) -> None:
    raise AssertionError("nothing is sent here")


@pytest.mark.parametrize("url", [None, ""])
def test_without_a_url_messages_stay_in_the_outbox(url: str | None) -> None:
    assert isinstance(mailer_from_url(url, keep_nothing), Outbox)


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://u:p%40ss@mail.test", SmtpServer("mail.test", 587, "required", "u", "p@ss")),
        ("smtp://mail.test:25", SmtpServer("mail.test", 25, "offered")),
        ("smtp://u:p@mail.test:2525?starttls=off", SmtpServer("mail.test", 2525, "off", "u", "p")),
        ("smtp://mail.test:587?starttls=offered", SmtpServer("mail.test", 587, "offered")),
        ("smtps://u:p@mail.test/", SmtpServer("mail.test", 465, "implicit", "u", "p")),
        ("smtp://u:p@[::1]:2525", SmtpServer("::1", 2525, "required", "u", "p")),
    ],
)
def test_a_url_is_read(url: str, server: SmtpServer) -> None:
    assert server_from_url(url) == server
    assert isinstance(mailer_from_url(url, keep_nothing), SmtpMailer)


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("http://u:hunter2@mail.test", "smtps://"),
        ("mail.test:587", "smtp://"),
        ("smtp://", "host"),
        ("smtp://u:hunter2@mail.test/inbox", "host"),
        ("smtp://u:hunter2/x@mail.test:587", "%2F"),
        ("smtp://u:hunter2#x@mail.test:587", "%23"),
        ("smtp://u:hunter2@mail.test:hunter2", "%3A"),
        ("smtp://u:hunter2@[mail.test", "cannot be read"),
        ("smtp://:hunter2@mail.test", "user"),
        ("smtp://u@mail.test", "password"),
        ("smtp://u:hunter2@mail.test?starttls=maybe", "required, offered or off"),
        ("smtp://u:hunter2@mail.test?tls=hunter2", "only the option starttls"),
        ("smtps://u:hunter2@mail.test?starttls=off", "leave starttls out"),
    ],
)
def test_a_url_that_cannot_be_used_is_refused_with_the_setting_and_the_cure(url: str, cure: str) -> None:
    with pytest.raises(ValueError, match="DUNNING_SMTP_URL") as caught:
        mailer_from_url(url, keep_nothing)
    assert cure in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_password_is_not_in_any_representation() -> None:
    mailer = mailer_from_url("smtp://u:hunter2@mail.test", keep_nothing)
    assert "hunter2" not in repr(mailer) + repr(server_from_url("smtp://u:hunter2@mail.test"))
