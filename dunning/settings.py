"""Settings: the environment, or `dunning.toml` (lower case, without the prefix); the environment wins.

Whatever cannot work is refused with a sentence that names the key and the cure.
"""

import difflib
import importlib.util
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, PrivateAttr, SecretStr, ValidationError

from dunning.core.vocabulary import Retries
from dunning.errors import Unusable
from dunning.setting_kinds import Days, HttpUrl, MailProvider, Mode, OnOff, Port, Rate, Zone

DEFAULT_STRIPE_API_BASE = "https://api.stripe.com"
UNPREFIXED = (
    "STRIPE_API_KEY",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "STRIPE_API_BASE",
    "DATABASE_URL",
    "REDIS_URL",
)


class Settings(BaseModel):
    """Everything that an installation can be told; secrets never appear in a repr."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    _origin: dict[str, str] = PrivateAttr(default_factory=dict)

    stripe_api_key: SecretStr | None = None
    stripe_webhook_secret: SecretStr | None = None
    stripe_api_base: HttpUrl = DEFAULT_STRIPE_API_BASE
    database_url: SecretStr | None = None
    redis_url: SecretStr | None = None
    public_url: HttpUrl | None = None
    data_dir: Path = Path("data")
    secret_key: SecretStr | None = None
    smtp_url: SecretStr | None = None
    mail_from: str | None = None
    mail_provider: MailProvider | None = None
    mail_key: SecretStr | None = None
    mail_domain: str | None = None  # where the provider sends for another domain than the sender's
    mail_api_base: HttpUrl | None = None  # the provider's other region, or a fake
    mail_webhook_secret: SecretStr | None = None
    finance_mail: str | None = None  # who gets the monthly report
    host: str = "127.0.0.1"
    port: Port = 8000
    config: Path | None = None
    retries: Mode = Retries.WATCH
    messages: OnOff = False
    report_timezone: Zone = "UTC"
    keep_payloads_days: Days = 90  # of what Stripe sent
    keep_mail_days: Days = 90  # of the words of messages and notices
    charge_rate: Rate | None = None  # calls a second; 0 is no limit
    read_rate: Rate | None = None
    sms_url: SecretStr | None = None
    sms_details: OnOff = False  # whether a text may hold a link and the customer's name
    sms_consent_key: str = "sms_consent"  # of the customer's metadata at Stripe
    second_contact_key: str = "billing_contact"  # the same
    staff_mail: str | None = None
    slack_url: SecretStr | None = None
    zendesk_url: SecretStr | None = None
    private_webhooks: OnOff = False
    passwords: OnOff = True  # whether people may sign in with one
    oidc_issuer: HttpUrl | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    sentry_dsn: SecretStr | None = None
    otlp_endpoint: HttpUrl | None = None  # where spans go

    def origin(self, field: str) -> str | None:
        """Return where a value was read: "environment", or the file's path; None is the default."""
        return self._origin.get(field)

    @property
    def mail_secrets(self) -> tuple[str, ...]:
        """Return what proves a report of the mail provider's; two while one is being rotated."""
        return _each(self.mail_webhook_secret)

    @property
    def sends_mail(self) -> bool:
        """Return whether mail goes out; otherwise messages are only written down."""
        return self.smtp_url is not None or self.mail_provider is not None

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """Return the signing secrets that are accepted now; two while one is being rotated."""
        return _each(self.stripe_webhook_secret)

    @property
    def livemode(self) -> bool:
        """Return whether the Stripe key is a live one; only events of that mode are acted on."""
        key = self.stripe_api_key.get_secret_value() if self.stripe_api_key else ""
        return key.startswith(("sk_live_", "rk_live_"))

    @property
    def rates(self) -> tuple[int, int]:
        """Return how many charges, and how many other calls, go to Stripe a second; 0 is no limit.

        A simulated Stripe has no limits to keep. Source: https://docs.stripe.com/rate-limits
        """
        real = self.stripe_api_base == DEFAULT_STRIPE_API_BASE
        charges, others = (10 if self.livemode else 3, 15) if real else (0, 0)
        return (
            charges if self.charge_rate is None else self.charge_rate,
            others if self.read_rate is None else self.read_rate,
        )

    @property
    def database(self) -> str:
        """Return the SQLAlchemy URL of the database; an SQLite file in the data directory by default."""
        if self.database_url is None:
            return f"sqlite:///{self.data_dir / 'dunning.sqlite3'}"
        return _with_psycopg(self.database_url.get_secret_value())

    @property
    def base_url(self) -> str:
        """Return the URL under which customers reach the card-update pages."""
        return self.public_url or f"http://{self.host}:{self.port}"

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Read the environment over the TOML file.

        Raises:
            Unusable: for an unknown key, two different Stripe keys, or a value that cannot work.
        """
        environ = os.environ if environ is None else environ
        values, origin = _from_file(environ)
        from_environment = _from_environment(environ)
        origin |= dict.fromkeys(from_environment, "environment")
        try:
            settings = cls(**(values | from_environment))
        except ValidationError as error:
            raise Unusable(_sentence(error, origin)) from None
        settings._origin = origin
        _check_stripe(settings)
        _check_oidc(settings)
        return settings


def environment_name(field: str) -> str:
    """Return the environment variable of a settings field."""
    name = field.upper()
    return name if name in UNPREFIXED else f"DUNNING_{name}"


def _from_file(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    named = environ.get("DUNNING_CONFIG")
    path = Path(named or "dunning.toml")
    if not path.is_file():
        if named:
            raise Unusable(f"DUNNING_CONFIG names {path}, which does not exist: correct or unset it.")
        return {}, {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Unusable(f"{path} is not valid TOML: {error}. Correct it, or move it away.") from None
    for key in values:
        if key not in Settings.model_fields and key != "stripe_secret_key":
            meant = _meant(key, _toml_names())
            raise Unusable(f"{path} sets `{key}`, which is not a setting{meant} Correct or remove it.")
    return _one_stripe_key(values), dict.fromkeys(values, str(path))


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    known = {environment_name(field): field for field in Settings.model_fields}
    for name in environ:
        if name.startswith("DUNNING_") and name not in known:
            raise Unusable(f"{name} is not a setting{_meant(name, known)} Correct or unset it.")
    found = {field: environ[name] for name, field in known.items() if environ.get(name)}
    if environ.get("STRIPE_SECRET_KEY"):
        found["stripe_secret_key"] = environ["STRIPE_SECRET_KEY"]
    return _one_stripe_key(found)


def _one_stripe_key(values: dict[str, Any]) -> dict[str, Any]:
    """Fold Stripe's two usual names of the same key into one."""
    other = values.pop("stripe_secret_key", None)
    if other is not None and values.setdefault("stripe_api_key", other) != other:
        raise Unusable(
            "STRIPE_API_KEY and STRIPE_SECRET_KEY differ: set one of them, or both to the same key."
        )
    return values


def _check_stripe(settings: Settings) -> None:
    key = settings.stripe_api_key.get_secret_value() if settings.stripe_api_key else None
    if key is not None and not key.startswith(("sk_test_", "sk_live_", "rk_test_", "rk_live_")):
        raise Unusable("STRIPE_API_KEY is not a Stripe secret or restricted key: it starts with sk_ or rk_.")
    if settings.livemode and settings.stripe_api_base != DEFAULT_STRIPE_API_BASE:
        raise Unusable(
            "STRIPE_API_BASE points away from Stripe while STRIPE_API_KEY is live: unset one of them."
        )
    if any(not secret.startswith("whsec_") for secret in settings.webhook_secrets):
        raise Unusable(
            "STRIPE_WEBHOOK_SECRET must be the endpoint's signing secret, which starts with whsec_."
        )


def _check_oidc(settings: Settings) -> None:
    names = ("oidc_issuer", "oidc_client_id", "oidc_client_secret")
    missing = [environment_name(name) for name in names if getattr(settings, name) is None]
    if len(missing) == len(names):
        if not settings.passwords:
            raise Unusable(
                "DUNNING_PASSWORDS is off, and there is no other way in: set DUNNING_OIDC_ISSUER, too."
            )
        return
    if missing:
        raise Unusable(f"{missing[0]} is missing: a provider takes all three DUNNING_OIDC_ settings.")
    issuer = urlsplit(settings.oidc_issuer or "")
    if issuer.scheme != "https" and issuer.hostname not in {"127.0.0.1", "localhost"}:
        raise Unusable("DUNNING_OIDC_ISSUER must start with https://, for what it says is believed.")
    if importlib.util.find_spec("joserfc") is None:
        raise Unusable("DUNNING_OIDC_ISSUER needs joserfc: install dunning with its extra, `dunning[oidc]`.")


def _each(secrets: SecretStr | None) -> tuple[str, ...]:
    given = secrets.get_secret_value() if secrets else ""
    return tuple(secret.strip() for secret in given.split(",") if secret.strip())


def _with_psycopg(url: str) -> str:
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    if not url.startswith(("postgresql+psycopg://", "sqlite:///")):
        raise Unusable(
            "DATABASE_URL must start with postgresql:// or sqlite:///; no other database is supported."
        )
    return url


def _toml_names() -> list[str]:
    return [*Settings.model_fields, "stripe_secret_key"]


def _meant(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else "."


def _sentence(error: ValidationError, origin: Mapping[str, str]) -> str:
    problem = error.errors()[0]
    field = str(problem["loc"][0]) if problem["loc"] else "?"
    what = problem["msg"].removeprefix("Value error, ")
    return (
        f"{environment_name(field)} (from {origin.get(field, 'the defaults')}) {what[:1].lower()}{what[1:]}."
    )
