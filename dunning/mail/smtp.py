"""Mail over SMTP, in plain steps, so that it is always known whether the message can have been taken."""

import re
import smtplib
import ssl
from dataclasses import dataclass, field

from dunning.mail.compose import address_of
from dunning.mail.provider import Accepted, NotSent, OutgoingMail, UnknownOutcome


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where and how to hand mail over.

    `tls`: `implicit` (smtps), `required` (STARTTLS or nothing), `offered` (STARTTLS when the server has
    it) or `off`. `timeout` is in seconds, for each answer of the server.
    """

    host: str
    port: int
    tls: str = "required"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 30.0


class SmtpMailer:
    """A mailer that opens one connection for each message."""

    def __init__(self, server: SmtpServer) -> None:
        self.name = "smtp"
        self._server = server

    def __repr__(self) -> str:
        return f"SmtpMailer({self._server.host}:{self._server.port})"

    def send(self, outgoing: OutgoingMail) -> Accepted:
        """Send one message.

        Raises:
            NotSent: the server was not reached, or said no; permanent only for an answer of 5xx about this
                message (a refused login is the operator's to mend, and later is then different).
            UnknownOutcome: the connection broke after the first byte of the message was on its way.
        """
        sender = address_of(str(outgoing.message["From"]))
        connection = self._connect(sender.rpartition("@")[2])
        try:
            self._prepare(connection)
            _ask_to_send(connection, sender, address_of(outgoing.recipient))
            return _hand_over(connection, outgoing.message.as_bytes())
        finally:
            connection.close()

    def _connect(self, own_name: str) -> smtplib.SMTP:
        server = self._server
        try:
            if server.tls == "implicit":
                return smtplib.SMTP_SSL(
                    server.host,
                    server.port,
                    own_name,
                    timeout=server.timeout,
                    context=ssl.create_default_context(),
                )
            return smtplib.SMTP(server.host, server.port, own_name, server.timeout)
        except (OSError, smtplib.SMTPException) as error:
            raise _not_reached(error) from error

    def _prepare(self, connection: smtplib.SMTP) -> None:
        try:
            connection.ehlo_or_helo_if_needed()
            self._start_tls(connection)
            if self._server.user:
                connection.login(self._server.user, self._server.password)
        except smtplib.SMTPAuthenticationError as error:
            # the server's words stay out: some repeat what they were given
            raise NotSent(
                f"the mail server refused the login ({error.smtp_code}); see DUNNING_SMTP_URL", retryable=True
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise _not_reached(error) from error

    def _start_tls(self, connection: smtplib.SMTP) -> None:
        wanted = self._server.tls
        offered = connection.has_extn("starttls")
        if wanted == "required" and not offered:
            raise NotSent(
                "the mail server offers no STARTTLS; use smtps://, or add ?starttls=off if the way is safe",
                retryable=True,
            )
        if offered and wanted in {"required", "offered"}:
            connection.starttls(context=ssl.create_default_context())
            connection.ehlo()


def _ask_to_send(connection: smtplib.SMTP, sender: str, recipient: str) -> None:
    try:
        _expect(connection.mail(sender), "MAIL FROM", 2)
        _expect(connection.rcpt(recipient), "RCPT TO", 2)
        _expect(connection.docmd("DATA"), "DATA", 3)
    except (OSError, smtplib.SMTPException) as error:
        raise _not_reached(error) from error


def _hand_over(connection: smtplib.SMTP, content: bytes) -> Accepted:
    try:
        connection.send(_dot_stuffed(content))
        code, answer = connection.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise UnknownOutcome(f"the connection broke after DATA ({type(error).__name__})") from error
    if not 200 <= code < 600:
        raise UnknownOutcome(f"the mail server answered {code} after DATA, which means nothing")
    _expect((code, answer), "the message", 2)
    _say_goodbye(connection)
    return Accepted(_words(answer))


def _say_goodbye(connection: smtplib.SMTP) -> None:
    try:
        connection.quit()
    except (OSError, smtplib.SMTPException):
        return  # the message was taken; how the connection ends changes nothing


def _expect(reply: tuple[int, bytes], step: str, hundreds: int) -> None:
    code, answer = reply
    if code // 100 != hundreds:
        raise NotSent(f"{step}: the mail server answered {code} {_words(answer)}", retryable=code // 100 != 5)


def _dot_stuffed(content: bytes) -> bytes:
    # lone CR or LF become CRLF first: servers that read them as line ends could be smuggled a second message
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content).removesuffix(b"\r\n")
    return re.sub(rb"(?m)^\.", b"..", lines) + b"\r\n.\r\n"


def _words(answer: bytes) -> str:
    text = answer.decode("utf-8", "replace")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:200]


def _not_reached(error: Exception) -> NotSent:
    return NotSent(f"the mail server did not take the message ({_what(error)})", retryable=True)


def _what(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return str(error.smtp_code)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
