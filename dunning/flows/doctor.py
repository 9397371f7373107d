"""The doctor: looks at everything an installation needs, changes nothing, and says what would mend it.

Whatever cannot be reached becomes a finding; only a bug raises.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import redis
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from dunning.core.clock import Clock
from dunning.core.vocabulary import Retries
from dunning.flows.mail_account import mailer_from
from dunning.flows.safety import law_words
from dunning.resources import alembic_config
from dunning.settings import Settings
from dunning.store import audit, gauges, invariants, people, segments, switches
from dunning.store.engine import Store, is_sqlite

LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})
BROKER_ANSWERS_WITHIN_S: Final = 5
UPGRADE: Final = "Run `dunning db upgrade` (`dunning serve` does it by itself)."


class Mark(StrEnum):
    """How bad a finding is; only `bad` makes the doctor's exit code 1."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    ASK = "ask"  # a question that only a person can answer


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor: what was looked at, how it stands, and what would mend it."""

    mark: Mark
    name: str
    sentence: str
    cure: str = ""


def examine_house(settings: Settings, store: Store, clock: Clock) -> Iterator[Finding]:
    """Yield what there is to say about everything but Stripe."""
    yield _webhook_secret(settings)
    yield _public_url(settings)
    yield from _mail(settings)
    yield _broker(settings)
    yield from _database(settings, store, clock)


def _webhook_secret(settings: Settings) -> Finding:
    if settings.webhook_secrets:
        count = len(settings.webhook_secrets)
        return Finding(
            Mark.OK, "webhook secret", "Set." if count == 1 else f"{count} are set, as in a rotation."
        )
    return Finding(
        Mark.BAD,
        "webhook secret",
        "STRIPE_WEBHOOK_SECRET is missing, so no event can be believed.",
        "Set it to the endpoint's signing secret (whsec_…), or to that of `stripe listen --print-secret`.",
    )


def _public_url(settings: Settings) -> Finding:
    url = urlsplit(settings.base_url)
    if url.scheme == "https":
        return Finding(Mark.OK, "public URL", f"{settings.base_url} is https.")
    cure = "Set DUNNING_PUBLIC_URL to the https address under which customers reach this installation."
    if (url.hostname or "") in LOCAL:
        sentence = f"{settings.base_url} is this machine only: customers cannot follow links in messages."
        return Finding(Mark.WARN, "public URL", sentence, cure)
    return Finding(Mark.BAD, "public URL", f"{settings.base_url} is not https.", cure)


def _mail(settings: Settings) -> Iterator[Finding]:
    if not settings.sends_mail:
        yield Finding(
            Mark.WARN,
            "mail",
            "No mail server is set: messages are kept with their words, and reach nobody.",
            "Set DUNNING_SMTP_URL to smtp://user:password@host:587 (or DUNNING_MAIL_PROVIDER and "
            "DUNNING_MAIL_KEY), and DUNNING_MAIL_FROM to the sender.",
        )
        return
    if settings.mail_from is None:
        yield Finding(
            Mark.BAD,
            "mail",
            "A mail server is set, but no sender.",
            "Set DUNNING_MAIL_FROM to the sender, such as Acme <billing@acme.example>.",
        )
        return
    try:
        mailer = mailer_from(settings)
    except ValueError as error:
        yield Finding(Mark.BAD, "mail", f"{error}.", "Correct the setting, and ask again.")
        return
    yield Finding(Mark.OK, "mail", f"Sent as {settings.mail_from}, by {mailer.name}.")
    if settings.mail_provider not in {None, "smtp"} and settings.mail_webhook_secret is None:
        yield Finding(
            Mark.WARN,
            "bounces",
            f"{mailer.name} cannot tell of bounces and complaints: they would be written to again.",
            "Set DUNNING_MAIL_WEBHOOK_SECRET, and a webhook at the provider to "
            f"{settings.base_url}/webhooks/mail/{mailer.name}.",
        )


def _broker(settings: Settings) -> Finding:
    if settings.redis_url is None:
        return Finding(Mark.OK, "broker", "Inside this process (no REDIS_URL), as `dunning serve` wants it.")
    try:
        policy = _eviction(settings.redis_url.get_secret_value())
    except ValueError:
        cure = "It looks like redis://host:6379/0."
        return Finding(Mark.BAD, "broker", "REDIS_URL is not a Redis URL.", cure)
    except (redis.RedisError, OSError) as error:
        sentence = f"Redis cannot be reached ({error})."
        return Finding(Mark.BAD, "broker", sentence, "Start it, correct REDIS_URL, or unset it.")
    if policy in {None, "noeviction"}:
        return Finding(
            Mark.OK, "broker", "Redis answers, and evicts nothing." if policy else "Redis answers."
        )
    cure = "Set maxmemory-policy to noeviction; until then the clock rings again for what is lost."
    return Finding(Mark.WARN, "broker", f"Redis may evict bells (maxmemory-policy {policy}).", cure)


def _eviction(url: str) -> str | None:
    """Return Redis's eviction policy; None where a managed Redis keeps it to itself."""
    with redis.Redis.from_url(url, socket_connect_timeout=BROKER_ANSWERS_WITHIN_S) as client:
        client.ping()
        try:
            found = client.config_get("maxmemory-policy").get("maxmemory-policy")
        except redis.ResponseError:
            return None
    return str(found) if found else None


def _database(settings: Settings, store: Store, clock: Clock) -> Iterator[Finding]:
    try:
        with store.read() as connection:
            found = gauges.migration_of(connection)
    except (SQLAlchemyError, OSError) as error:
        words = str(getattr(error, "orig", None) or error).strip().splitlines()
        sentence = f"It cannot be reached ({words[0] if words else error})."
        yield Finding(Mark.BAD, "database", sentence, "Start it, or correct DATABASE_URL.")
        return
    heads = frozenset(ScriptDirectory.from_config(alembic_config("")).get_heads())
    if found != heads:
        yield _behind(settings, found)
        return
    yield Finding(Mark.OK, "database", "It answers, and fits this version.")
    yield _switches(store, settings)
    yield from _laws(store, clock)
    yield from _people(store)


def _behind(settings: Settings, found: frozenset[str]) -> Finding:
    if found:
        return Finding(Mark.BAD, "database", f"It is at another version ({', '.join(found)}).", UPGRADE)
    mark = Mark.WARN if is_sqlite(settings.database) else Mark.BAD
    return Finding(mark, "database", "It has no tables yet.", UPGRADE)


def _switches(store: Store, settings: Settings) -> Finding:
    with store.read() as connection:
        now = switches.read(connection)
    if now.paused:
        sentence = f"Everything is paused: {now.pause_reason}"
        return Finding(Mark.WARN, "switches", sentence, "`dunning resume` lets charges and messages go on.")
    parts = "".join(f" {segment}" for segment in _segments(store))
    sentence = f"Retries: {now.retries}; messages: {'on' if now.messages else 'off'}.{parts}"
    if now.messages and not settings.sends_mail:
        cure = "Set DUNNING_SMTP_URL, or `dunning mode --messages off`."
        return Finding(Mark.BAD, "switches", f"{sentence} No mail server would send them.", cure)
    with store.read() as connection:
        unlike = segments.current(connection).unlike(now.retries, messages=now.messages)
    if now.retries is Retries.WATCH and not now.messages and not unlike:
        cure = "When you trust it: `dunning mode --retries weave --messages on`."
        return Finding(Mark.WARN, "switches", f"{sentence} It only watches.", cure)
    return Finding(Mark.OK, "switches", sentence)


def _segments(store: Store) -> Iterator[str]:
    """Yield what the switches of each segment are, where they are its own."""
    with store.read() as connection:
        found = segments.current(connection).all
    for segment in found:
        own = [f"retries {segment.retries}"] if segment.retries else []
        own += [] if segment.messages is None else [f"messages {'on' if segment.messages else 'off'}"]
        own += ["paused"] if segment.paused else []
        yield f"In {segment.name}: {', '.join(own) or 'as overall'}."


def _laws(store: Store, clock: Clock) -> Iterator[Finding]:
    with store.read() as connection:
        broken = {law: n for law, n in invariants.check(connection, clock.now()).items() if n}
    for law, count in broken.items():
        yield Finding(Mark.BAD, "laws", *law_words(law, count))
    if not broken:
        yield Finding(Mark.OK, "laws", f"All {len(invariants.LAWS)} laws of the books hold.")


def _people(store: Store) -> Iterator[Finding]:
    """Yield whether anybody can sign in, and whether the audit log is whole."""
    with store.read() as connection:
        anybody, why, entries = people.anybody(connection), audit.broken(connection), audit.count(connection)
    if anybody:
        yield Finding(Mark.OK, "people", "There are accounts: pages answer whoever signs in.")
    else:
        cure = "Open /setup with the token that `dunning serve` prints, or run `dunning user add`."
        yield Finding(Mark.WARN, "people", "Nobody has an account yet.", cure)
    if why is None:
        yield Finding(Mark.OK, "audit log", f"The chain of {entries} entries is whole.")
    else:
        cure = "Compare it with a backup: somebody has written in the database past dunning."
        yield Finding(Mark.BAD, "audit log", why, cure)
