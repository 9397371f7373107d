"""The composition root: the only place that knows every part and puts them together."""

import email.utils
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from dunning import resources
from dunning.channels.kept import KEPT, Kept
from dunning.channels.twilio import TwilioSms, account_from_url
from dunning.channels.zendesk import desk_from_url
from dunning.core.clock import Clock, WallClock
from dunning.errors import Unusable
from dunning.flows.beacon import Beacon, beacon_of
from dunning.flows.guard import Guard
from dunning.flows.house import House
from dunning.flows.mail_account import mailer_from
from dunning.gateway.ask import Stripe
from dunning.gateway.turns import LocalTurns, Rates, SharedTurns, Turns
from dunning.mail.provider import Channel, Mailer
from dunning.settings import Settings
from dunning.store.engine import Store, open_store

NO_KEY: Final = "STRIPE_API_KEY is missing: set it to a restricted key (see `dunning stripe permissions`)."
NO_SIGNATURE: Final = (
    "STRIPE_WEBHOOK_SECRET is missing: set it to the endpoint's signing secret (whsec_...), from the Stripe "
    "Dashboard or from `stripe listen --print-secret`."
)
NO_SENDER: Final = "DUNNING_MAIL_FROM is missing: set it to the sender, such as Acme <billing@acme.example>."


def build_house(
    settings: Settings,
    *,
    store: Store,
    clock: Clock | None = None,
    mailer: Mailer | None = None,
    channels: Mapping[str, Channel] | None = None,
    simulated: bool = False,
) -> House:
    """Wire what the flows work with.

    Raises:
        Unusable: a setting is missing or cannot work; the message names it and the cure.
    """
    if settings.stripe_api_key is None:
        raise Unusable(NO_KEY)
    clock = clock or WallClock()
    guard = _guard(settings, store, clock, simulated=simulated)
    return House(
        store=store,
        stripe=Stripe(settings.stripe_api_key.get_secret_value(), settings.stripe_api_base, guard),
        guard=guard,
        mailer=mailer or _mailer(settings),
        clock=clock,
        settings=settings,
        secret=_secret_key(settings),
        templates=resources.templates(),
        merchant=_merchant(settings),
        simulated=simulated,
        channels=channels if channels is not None else _channels(settings),
        beacon=_beacon(settings),
    )


def require_all(settings: Settings) -> None:
    """Refuse settings that lack what receiving webhooks and answering them takes.

    Raises:
        Unusable: something is missing; all of it is named at once, with the cures.
    """
    there = {
        NO_KEY: settings.stripe_api_key is not None,
        NO_SIGNATURE: bool(settings.webhook_secrets),
        NO_SENDER: not settings.sends_mail or settings.mail_from is not None,
    }
    missing = [sentence for sentence, found in there.items() if not found]
    if missing:
        raise Unusable(" ".join(missing))


def upgrade(store: Store, url: str) -> None:
    """Bring the database to this version, waiting for anybody who is doing so already.

    Raises:
        Unusable: the database cannot be reached.
    """
    check_reachable(store)
    command.upgrade(resources.alembic_config(url), "head")


def check_reachable(store: Store) -> None:
    """Refuse a database that does not answer.

    Raises:
        Unusable: with the driver's own words and the cure.
    """
    try:
        with store.read():
            pass
    except (DBAPIError, OSError) as error:
        words = str(getattr(error, "orig", error)).strip().splitlines()
        raise Unusable(
            f"DATABASE_URL: the database cannot be reached ({words[0] if words else error}). Start it, or "
            "correct the URL."
        ) from None


def check_current(store: Store) -> None:
    """Refuse a database that is behind, or ahead of, this version of dunning.

    Raises:
        Unusable: with the command that mends it.
    """
    check_reachable(store)
    with store.read() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    scripts = ScriptDirectory.from_config(resources.alembic_config(""))
    head = scripts.get_current_head()
    if found == head:
        return
    known = {script.revision for script in scripts.walk_revisions()}
    if found is None:
        raise Unusable("DATABASE_URL: the database has no tables yet: run `dunning db upgrade` first.")
    if found in known:
        raise Unusable(
            "DATABASE_URL: the database is older than this dunning: run `dunning db upgrade` first."
        )
    raise Unusable(
        f"DATABASE_URL: the database (version {found}) is newer than this dunning: install the newer dunning."
    )


def connect(settings: Settings, *, clock: Clock | None = None) -> Store:
    """Return the store that the settings name.

    Raises:
        Unusable: the folder of an SQLite file cannot be made.
    """
    try:
        return open_store(settings.database, lease_clock=clock)
    except OSError as error:
        raise Unusable(
            f"DATABASE_URL: {error.filename} cannot be made ({error.strerror}): choose another place, or "
            "another DUNNING_DATA_DIR."
        ) from None


def _guard(settings: Settings, store: Store, clock: Clock, *, simulated: bool) -> Guard:
    """Return the guard at the gate; a simulation in virtual time keeps no rates and compares no clocks."""
    rates = Rates(*settings.rates)
    turns: Turns | None = LocalTurns(rates, clock)
    if settings.redis_url is not None:
        scope = "live" if settings.livemode else "test"
        try:
            turns = SharedTurns(settings.redis_url.get_secret_value(), rates, clock, scope)
        except ValueError as error:
            raise Unusable(
                f"REDIS_URL is not a Redis URL: {error}. It looks like redis://host:6379/0."
            ) from None
    real = isinstance(clock, WallClock)
    return Guard(store, clock, None if simulated else turns, rate=rates.charges or 10, measures=real)


def _beacon(settings: Settings) -> Beacon | None:
    try:
        return beacon_of(settings)
    except ValueError as error:
        raise Unusable(f"REDIS_URL is not a Redis URL: {error}. It looks like redis://host:6379/0.") from None


def _mailer(settings: Settings) -> Mailer:
    if settings.sends_mail and settings.mail_from is None:
        raise Unusable(NO_SENDER)
    try:
        return mailer_from(settings)
    except ValueError as error:
        raise Unusable(str(error)) from None


def _channels(settings: Settings) -> dict[str, Channel]:
    """Return the ways to reach a customer besides e-mail: those that need no provider, and those set up."""
    channels: dict[str, Channel] = {name: Kept(name) for name in KEPT}
    url = settings.sms_url.get_secret_value() if settings.sms_url else None
    try:
        if url is not None:
            channels[TwilioSms.name] = TwilioSms(account_from_url(url))
        if settings.zendesk_url is not None:
            desk_from_url(settings.zendesk_url.get_secret_value())
    except ValueError as error:
        raise Unusable(f"{error}.") from None
    return channels


def _merchant(settings: Settings) -> str:
    name, address = email.utils.parseaddr(settings.mail_from or "")
    return name or address.partition("@")[2] or "Your merchant"


def _secret_key(settings: Settings) -> bytes:
    """Return the key that signs links: from the settings, or made once and kept in the data directory."""
    if settings.secret_key is not None:
        given = settings.secret_key.get_secret_value()
        if len(given) < 32:
            raise Unusable("DUNNING_SECRET_KEY is too short: use 32 characters or more, chosen at random.")
        return given.encode()
    path = settings.data_dir / "secret.key"
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
        _write_once(path, secrets.token_hex(32))
        return path.read_text(encoding="ascii").strip().encode()
    except OSError as error:
        raise Unusable(
            f"DUNNING_DATA_DIR: {settings.data_dir} cannot be written ({error.strerror}): choose another."
        ) from None


def _write_once(path: Path, content: str) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(handle, "w") as file:
        file.write(content)
