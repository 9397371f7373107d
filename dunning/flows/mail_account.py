"""Which mailer the settings ask for."""

from dunning.mail.compose import address_of
from dunning.mail.factory import mailer_from_url, mailer_over_http
from dunning.mail.outbox import Outbox
from dunning.mail.provider import Mailer
from dunning.mail.requests import WIRES
from dunning.settings import Settings


def mailer_from(settings: Settings) -> Mailer:
    """Return the mailer of the settings; the outbox when they name none: the rows hold every word.

    Raises:
        ValueError: a setting is missing or cannot work; names it and the cure, never what was written.
    """
    if not settings.sends_mail:
        return Outbox(lambda _outgoing: None)
    provider = settings.mail_provider or "smtp"
    if provider in WIRES:
        return _over_http(settings, provider)
    if settings.smtp_url is None:
        raise ValueError(f"DUNNING_SMTP_URL is missing: {provider} needs smtp://user:password@host:587")
    return mailer_from_url(settings.smtp_url.get_secret_value(), name=provider)


def _over_http(settings: Settings, provider: str) -> Mailer:
    if settings.mail_key is None:
        raise ValueError(f"DUNNING_MAIL_KEY is missing: set it to the key that {provider} gave you")
    return mailer_over_http(
        provider,
        settings.mail_key.get_secret_value(),
        domain=settings.mail_domain or _domain_of(settings.mail_from),
        base=settings.mail_api_base,
    )


def _domain_of(sender: str | None) -> str:
    try:
        return address_of(sender or "").rpartition("@")[2]
    except ValueError:
        raise ValueError(
            "DUNNING_MAIL_FROM must be one address, such as Acme <billing@acme.example>"
        ) from None
