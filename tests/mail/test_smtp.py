"""Real SMTP conversations with a server on this machine."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from dunning.mail.compose import compose
from dunning.mail.provider import NotSent, OutgoingMail, UnknownOutcome
from dunning.mail.render import Rendered
from dunning.mail.smtp import SmtpMailer, SmtpServer

PASSWORD = "hunter2-secret"


def outgoing(text: str = "Hello\n.\n..two\nbye\n") -> OutgoingMail:
    rendered = Rendered("Subject", "", text, "<p>Hello</p>")
    message = compose(
        rendered, message_id_local="msg_1", sender="Acme <billing@acme.test>", recipient="Ana <ana@x.test>",
        domain="acme.test",
    )  # fmt: skip
    return OutgoingMail(
        message=message, recipient="ana@x.test", idempotency_key="msg_1", subject=rendered.subject,
        text=rendered.text, html=rendered.html,
    )  # fmt: skip


class Inbox:
    """A server's side of the conversation: keeps what it accepts, refuses what it is told to."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers
        self.taken: list[Envelope] = []

    async def handle_MAIL(self, _s: SMTP, _n: Session, envelope: Envelope, address: str, _o: Any) -> str:  # noqa: N802 -- aiosmtpd's name
        envelope.mail_from = address
        return self.answers.get("mail", "250 OK")

    async def handle_RCPT(self, _s: SMTP, _n: Session, envelope: Envelope, address: str, _o: Any) -> str:  # noqa: N802 -- aiosmtpd's name
        envelope.rcpt_tos.append(address)
        return self.answers.get("rcpt", "250 OK")

    async def handle_DATA(self, _s: SMTP, _n: Session, envelope: Envelope) -> str:  # noqa: N802 -- aiosmtpd's name
        answer = self.answers.get("data", "250 queued as 42")
        if answer.startswith("2"):
            self.taken.append(envelope)
        return answer


@contextmanager
def server(inbox: Inbox, **options: Any) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def mailer(port: int, **options: Any) -> SmtpMailer:
    return SmtpMailer(SmtpServer("127.0.0.1", port, **{"tls": "offered", "timeout": 5.0, **options}))


def test_a_message_arrives_whole_with_its_envelope() -> None:
    inbox = Inbox()
    with server(inbox) as port:
        accepted = mailer(port).send(outgoing())
    (envelope,) = inbox.taken
    assert accepted.reference == "queued as 42"
    assert envelope.mail_from == "billing@acme.test"
    assert envelope.rcpt_tos == ["ana@x.test"]
    assert envelope.content == outgoing().message.as_bytes()


@pytest.mark.parametrize(
    ("step", "answer", "retryable"),
    [
        ("rcpt", "550 5.1.1 no such user", False),
        ("rcpt", "451 greylisted", True),
        ("mail", "553 not allowed", False),
        ("data", "554 looks like spam", False),
        ("data", "452 out of space", True),
    ],
)
def test_a_refusal_is_not_sent_and_only_5xx_is_final(step: str, answer: str, retryable: bool) -> None:  # noqa: FBT001 -- a column
    inbox = Inbox(**{step: answer})
    with server(inbox) as port, pytest.raises(NotSent, match=answer[:3]) as caught:
        mailer(port).send(outgoing())
    assert caught.value.retryable is retryable
    assert inbox.taken == []


@contextmanager
def scripted(talk: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve one connection with `talk` on a plain socket, for what no polite server does."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            talk(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            thread.join(timeout=10)


def converse(connection: socket.socket, *replies: bytes) -> None:
    """Greet, then answer each command with the next reply."""
    connection.sendall(b"220 here\r\n")
    for reply in replies:
        connection.recv(65536)
        connection.sendall(reply)


UP_TO_DATA = (b"250 hello\r\n", b"250 sender\r\n", b"250 recipient\r\n", b"354 go on\r\n")


def read_message(connection: socket.socket) -> None:
    seen = b""
    while not seen.endswith(b"\r\n.\r\n"):
        seen += connection.recv(65536)


def drop_after_data(connection: socket.socket) -> None:
    converse(connection, *UP_TO_DATA)
    read_message(connection)


def silent_after_data(connection: socket.socket) -> None:
    drop_after_data(connection)
    connection.recv(65536)  # returns when the client gives up


def nonsense_after_data(connection: socket.socket) -> None:
    drop_after_data(connection)
    connection.sendall(b"what?\r\n")


@pytest.mark.parametrize("talk", [drop_after_data, silent_after_data, nonsense_after_data])
def test_no_clear_answer_after_the_message_is_an_unknown_outcome(
    talk: Callable[[socket.socket], None],
) -> None:
    with scripted(talk) as port, pytest.raises(UnknownOutcome, match="after DATA"):
        mailer(port, timeout=0.5).send(outgoing())


def test_a_connection_lost_in_the_middle_of_a_large_message_is_an_unknown_outcome() -> None:
    def talk(connection: socket.socket) -> None:
        converse(connection, *UP_TO_DATA)
        connection.recv(1000)

    with scripted(talk) as port, pytest.raises(UnknownOutcome):
        mailer(port).send(outgoing("x" * 5_000_000))


@pytest.mark.parametrize("steps", range(4))
def test_a_connection_lost_before_the_message_is_not_sent_and_retryable(steps: int) -> None:
    def talk(connection: socket.socket) -> None:
        converse(connection, *UP_TO_DATA[:steps])

    with scripted(talk) as port, pytest.raises(NotSent) as caught:
        mailer(port).send(outgoing())
    assert caught.value.retryable


def test_a_connection_lost_after_the_server_said_yes_changes_nothing() -> None:
    def talk(connection: socket.socket) -> None:
        drop_after_data(connection)
        connection.sendall(b"250 taken\r\n")

    with scripted(talk) as port:
        assert mailer(port).send(outgoing()).reference == "taken"


def test_a_server_that_is_not_there_is_not_sent_and_retryable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(NotSent) as caught:
        mailer(port).send(outgoing())
    assert caught.value.retryable


def test_a_server_without_starttls_is_refused_where_it_is_required_and_hears_no_password() -> None:
    inbox = Inbox()
    with server(inbox) as port, pytest.raises(NotSent, match="STARTTLS"):
        mailer(port, tls="required", user="u", password=PASSWORD).send(outgoing())
    assert inbox.taken == []


# aiosmtpd warns at start that a login without TLS is unwise; on loopback in a test it is wanted
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
@pytest.mark.parametrize("right", [True, False])
def test_the_login_is_used_and_its_refusal_tells_no_secret(right: bool) -> None:  # noqa: FBT001 -- a column
    def authenticate(_s: SMTP, _n: Session, _e: Envelope, _m: str, login: Any) -> AuthResult:
        return AuthResult(success=login.password == PASSWORD.encode(), handled=False)

    inbox = Inbox()
    options = {"authenticator": authenticate, "auth_require_tls": False, "auth_required": True}
    with server(inbox, **options) as port:
        sender = mailer(port, user="ana", password=PASSWORD if right else PASSWORD + "x")
        if right:
            sender.send(outgoing())
            assert len(inbox.taken) == 1
            return
        with pytest.raises(NotSent, match="DUNNING_SMTP_URL") as caught:
            sender.send(outgoing())
    assert caught.value.retryable
    assert PASSWORD not in str(caught.value) + repr(caught.value) + repr(sender) + repr(sender._server)
