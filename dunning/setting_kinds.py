"""The kinds of values that settings have; a value that cannot be meant is refused with what it must be."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator

from dunning.core.vocabulary import Retries

MAIL_PROVIDERS = ("smtp", "ses", "postmark", "resend", "sendgrid", "mailgun", "brevo")


def _on_or_off(value: object) -> object:
    words: dict[object, bool] = {"on": True, "off": False}
    if isinstance(value, bool):
        return value
    if value not in words:
        msg = "must be on or off"
        raise ValueError(msg)
    return words[value]


def _known_mode(value: object) -> object:
    if value not in list(Retries):
        msg = "must be watch, weave or own"
        raise ValueError(msg)
    return value


def _known_provider(value: str) -> str:
    if value not in MAIL_PROVIDERS:
        msg = f"must be one of {', '.join(MAIL_PROVIDERS)}"
        raise ValueError(msg)
    return value


def _real_port(value: int) -> int:
    if not 0 <= value < 65536:
        msg = "must be a port between 0 and 65535"
        raise ValueError(msg)
    return value


def _real_rate(value: int) -> int:
    if not 0 <= value <= 100:
        msg = "must be a number of calls a second between 0 (no limit) and 100"
        raise ValueError(msg)
    return value


def _real_days(value: int) -> int:
    if not 35 <= value <= 3650:
        msg = "must be a number of days between 35 (Stripe itself tells of 30) and 3650"
        raise ValueError(msg)
    return value


def _known_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = "must be an IANA time zone such as Europe/Berlin"
        raise ValueError(msg) from None
    return value


def _http_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        msg = "must start with http:// or https://"
        raise ValueError(msg)
    return value.rstrip("/")


OnOff = Annotated[bool, BeforeValidator(_on_or_off)]
Mode = Annotated[Retries, BeforeValidator(_known_mode)]
MailProvider = Annotated[str, AfterValidator(_known_provider)]
Port = Annotated[int, AfterValidator(_real_port)]
Days = Annotated[int, AfterValidator(_real_days)]
Rate = Annotated[int, AfterValidator(_real_rate)]
Zone = Annotated[str, AfterValidator(_known_zone)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
