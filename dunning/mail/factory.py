"""From the setting to a mailer."""

from collections.abc import Callable
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from dunning.mail.outbox import Outbox
from dunning.mail.provider import Mailer, OutgoingMail
from dunning.mail.smtp import SmtpMailer, SmtpServer

_EXAMPLE = "write smtp://user:password@host:587 or smtps://user:password@host:465"
_ESCAPES = "with @ : / # ? in the password written as %40 %3A %2F %23 %3F"
_STARTTLS = {"required": "required", "true": "required", "offered": "offered", "off": "off", "false": "off"}


def mailer_from_url(url: str | None, keep: Callable[[OutgoingMail], None]) -> Mailer:
    """Return the mailer that DUNNING_SMTP_URL asks for; without one, an outbox that gives messages to `keep`.

    Raises:
        ValueError: for a URL that cannot be used; says what to write instead, never what was written.
    """
    return SmtpMailer(server_from_url(url)) if url else Outbox(keep)


def server_from_url(url: str) -> SmtpServer:
    """Read `smtp://user:password@host:587?starttls=required|offered|off` or `smtps://…`.

    STARTTLS is required when there is a password or the port is 587, otherwise used where offered.
    ValueError as in mailer_from_url.
    """
    parts, port = _parts(url)
    if parts.scheme not in {"smtp", "smtps"}:
        raise ValueError(f"DUNNING_SMTP_URL begins with neither smtp:// nor smtps://; {_EXAMPLE}")
    if not parts.hostname or parts.path not in {"", "/"} or parts.fragment:
        raise ValueError(f"DUNNING_SMTP_URL has no plain host; {_EXAMPLE}, {_ESCAPES}")
    if bool(parts.username) != bool(parts.password):
        raise ValueError(f"DUNNING_SMTP_URL has a user without a password, or the reverse; {_EXAMPLE}")
    return SmtpServer(
        host=parts.hostname,
        port=port or (465 if parts.scheme == "smtps" else 587),
        tls=_tls(parts, port),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _parts(url: str) -> tuple[SplitResult, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # not chained: urllib repeats the piece it could not read, which may be the password
        raise ValueError(f"DUNNING_SMTP_URL cannot be read; {_EXAMPLE}, {_ESCAPES}") from None
    return parts, port


def _tls(parts: SplitResult, port: int | None) -> str:
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    choice = options.pop("starttls", None)
    if options:
        raise ValueError("DUNNING_SMTP_URL takes only the option starttls=required, offered or off")
    if parts.scheme == "smtps":
        if choice is not None:
            raise ValueError("DUNNING_SMTP_URL: smtps:// is encrypted from the start; leave starttls out")
        return "implicit"
    if choice is None:
        return "required" if parts.password or port in {None, 587} else "offered"
    if choice not in _STARTTLS:
        raise ValueError("DUNNING_SMTP_URL: starttls must be required, offered or off")
    return _STARTTLS[choice]
