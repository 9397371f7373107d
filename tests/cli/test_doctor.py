"""The doctor: what is sound, what is not, and that nothing unreachable makes it fall over."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from browser.house import furnish
from pydantic import SecretStr
from sqlalchemy import create_engine, insert, select, text, update

from dunning.core.breaker import Cause
from dunning.core.clock import VirtualClock, WallClock
from dunning.core.effects import SUBSCRIBED
from dunning.errors import Refused, Transient
from dunning.flows.doctor import Finding, examine_house
from dunning.flows.doctor_charges import examine_charges
from dunning.flows.doctor_stripe import examine_stripe
from dunning.gateway.ask import API_VERSION, Stripe
from dunning.sandbox import Server
from dunning.settings import Settings
from dunning.store import breakers, switches
from dunning.store.engine import Store, open_store
from dunning.store.tables import attempts, events, recoveries

PUBLIC = "https://dunning.acme.example"
SOUND: dict[str, Any] = {
    "stripe_api_key": SecretStr("rk_test_x"),
    "stripe_webhook_secret": SecretStr("whsec_x"),
    "public_url": PUBLIC,
    "smtp_url": SecretStr("smtp://u:p@mail.example:587"),
    "mail_from": "Acme <billing@acme.example>",
}
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(sqlite_url: str) -> Iterator[Store]:
    opened = open_store(sqlite_url)
    yield opened
    opened.engine.dispose()


@pytest.fixture
def either_store(database_url: str) -> Iterator[Store]:
    opened = open_store(database_url)
    yield opened
    opened.engine.dispose()


def marks(findings: Any) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in findings:
        found.setdefault(finding.name, []).append(finding.mark.value)
    return found


def named(findings: Any, name: str) -> Finding:
    (only,) = [finding for finding in findings if finding.name == name]
    return only


@dataclass
class Account(Stripe):
    """The account of a merchant: refuses what the key may not do, as Stripe does."""

    lacks: dict[str, str] = field(default_factory=dict)  # method -> the right that Stripe names
    endpoints: tuple[dict[str, Any], ...] = ()
    time: datetime = NOW
    portals: tuple[dict[str, Any], ...] = ({"features": {"payment_method_update": {"enabled": True}}},)

    def __getattribute__(self, name: str) -> Any:
        right = object.__getattribute__(self, "__dict__").get("lacks", {}).get(name)
        if right is None:
            return object.__getattribute__(self, name)

        def refuse(*_: Any, **__: Any) -> None:
            raise Refused(f"Having the '{right}' permission would allow this request.", status=403)

        return refuse

    def account(self) -> dict[str, Any]:
        return {"id": "acct_acme", "charges_enabled": True}

    def _missing(self, *_: Any, **__: Any) -> Any:
        raise Refused("No such object", status=404, code="resource_missing")

    customer = card = set_auto_advance = portal = invoice = _missing

    def open_invoices(self, *_: Any, **__: Any) -> Iterator[Any]:
        return iter(())

    def missed_events(self, *_: Any, **__: Any) -> Iterator[Any]:
        return iter(())

    def webhook_endpoints(self) -> tuple[dict[str, Any], ...]:
        return self.endpoints

    def portal_configurations(self) -> tuple[dict[str, Any], ...]:
        return self.portals

    def server_time(self) -> datetime:
        return self.time


def endpoint(**changes: Any) -> dict[str, Any]:
    sound = {"id": "we_1", "url": f"{PUBLIC}/webhooks/stripe", "status": "enabled"}
    return {**sound, "enabled_events": list(SUBSCRIBED), "api_version": API_VERSION, **changes}


def look(store: Store, account: Account, **changes: Any) -> list[Finding]:
    settings = Settings(**{**SOUND, **changes})
    return list(examine_stripe(settings, account, store, VirtualClock(NOW)))


def test_a_sound_account_has_nothing_bad(either_store: Store) -> None:
    with either_store.write() as connection:
        row = {"account_id": "self", "livemode": False, "id": "evt_1", "type": "invoice.paid"}
        times = {"created_at": NOW - timedelta(hours=1), "received_at": NOW, "payload": b"{}"}
        connection.execute(insert(events).values(**row, **times, state="handled"))
    found = look(either_store, Account(endpoints=(endpoint(),)))
    assert {mark for each in marks(found).values() for mark in each} == {"ok"}
    assert set(marks(found)) == {
        "key",
        "account",
        "rights",
        "webhook endpoint",
        "portal",
        "clock",
        "last event",
    }


@pytest.mark.parametrize(
    ("method", "right"),
    [
        ("customer", "rak_customer_read"),
        ("card", "rak_payment_method_read"),
        ("invoice", "rak_invoice_read"),
        ("open_invoices", "rak_invoice_read"),
        ("set_auto_advance", "rak_invoice_write"),
        ("portal", "rak_billing_portal_write"),
        ("missed_events", "rak_event_read"),
    ],
)
def test_a_missing_right_is_named_as_stripe_names_it(method: str, right: str, store: Store) -> None:
    rights = named(look(store, Account(lacks={method: right}, endpoints=(endpoint(),))), "rights")
    assert rights.mark == "bad"
    assert right in rights.sentence
    assert rights.cure


def test_what_the_key_may_not_see_of_webhooks_is_no_alarm(store: Store) -> None:
    found = named(look(store, Account(lacks={"webhook_endpoints": "rak_webhook_read"})), "webhook endpoint")
    assert found.mark == "warn"
    assert "rak_webhook_read" in found.cure


@pytest.mark.parametrize(
    ("endpoints", "mark", "word"),
    [
        ((), "bad", "none"),
        ((endpoint(url="https://elsewhere.example/webhooks/stripe"),), "bad", "none"),
        ((endpoint(status="disabled"),), "bad", "disabled"),
        ((endpoint(enabled_events=[t for t in SUBSCRIBED if t != "invoice.paid"]),), "bad", "invoice.paid"),
        ((endpoint(api_version="2020-08-27"),), "warn", "2020-08-27"),
        ((endpoint(enabled_events=["*"]),), "ok", "enabled"),
    ],
)
def test_the_webhook_endpoint_is_judged(
    endpoints: tuple[Any, ...], mark: str, word: str, store: Store
) -> None:
    found = named(look(store, Account(endpoints=endpoints)), "webhook endpoint")
    assert (found.mark, word in found.sentence) == (mark, True)


@pytest.mark.parametrize(("off_s", "mark"), [(5, "ok"), (-60, "bad"), (60, "bad"), (400, "bad")])
def test_a_clock_that_is_off_is_noticed(off_s: int, mark: str, store: Store) -> None:
    found = look(store, Account(time=NOW + timedelta(seconds=off_s)))
    assert named(found, "clock").mark == mark


@pytest.mark.parametrize(
    ("portals", "word"),
    [((), "never set up"), (({"features": {"payment_method_update": {"enabled": False}}},), "no")],
)
def test_a_portal_that_takes_no_card_is_noticed(portals: tuple[Any, ...], word: str, store: Store) -> None:
    found = named(look(store, Account(portals=portals)), "portal")
    assert (found.mark, word in found.sentence) == ("bad", True)
    assert "settings/billing/portal" in found.cure


def test_a_full_key_is_warned_of_and_a_key_stripe_does_not_know_ends_it(store: Store) -> None:
    assert named(look(store, Account(), stripe_api_key=SecretStr("sk_test_x")), "key").mark == "warn"

    class Unknown(Account):
        def account(self) -> dict[str, Any]:
            raise Refused("Invalid API Key provided", status=401)

    found = look(store, Unknown())
    assert [finding.name for finding in found] == ["key", "account"]
    assert found[-1].mark == "bad"


def test_a_stripe_that_is_away_is_one_finding(store: Store) -> None:
    class Away(Account):
        def account(self) -> dict[str, Any]:
            raise Transient("Unexpected error communicating with Stripe")

    assert marks(look(store, Away()))["account"] == ["bad"]


def house(store: Store, **changes: Any) -> list[Finding]:
    given = {name: value for name, value in {**SOUND, **changes}.items() if value is not None}
    return list(examine_house(Settings(**given), store, VirtualClock(NOW)))


@pytest.mark.parametrize(
    ("changes", "name", "mark"),
    [
        ({"stripe_webhook_secret": None}, "webhook secret", "bad"),
        ({"public_url": "http://127.0.0.1:8000"}, "public URL", "warn"),
        ({"public_url": "http://acme.example"}, "public URL", "bad"),
        ({"smtp_url": None}, "mail", "warn"),
        ({"smtp_url": SecretStr("ftp://mail.example")}, "mail", "bad"),
        ({"mail_from": None}, "mail", "bad"),
        ({"redis_url": SecretStr("redis://127.0.0.1:1/0")}, "broker", "bad"),
        ({"redis_url": SecretStr("nonsense")}, "broker", "bad"),
    ],
)
def test_each_setting_is_judged(changes: dict[str, Any], name: str, mark: str, store: Store) -> None:
    assert named(house(store), name).mark == "ok"
    assert named(house(store, **changes), name).mark == mark


def test_redis_is_asked_whether_it_evicts(store: Store, redis_url: str) -> None:
    from redis import Redis

    assert named(house(store, redis_url=SecretStr(redis_url)), "broker").mark == "ok"
    with Redis.from_url(redis_url) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            found = named(house(store, redis_url=SecretStr(redis_url)), "broker")
        finally:
            client.config_set("maxmemory-policy", "noeviction")
    assert (found.mark, "allkeys-lru" in found.sentence) == ("warn", True)


def test_the_switches_are_told(either_store: Store) -> None:
    assert named(house(either_store), "switches").mark == "warn"
    with either_store.write() as connection:
        switches.put(connection, "retries", "own", at=NOW, by="test")
        switches.put(connection, "messages", True, at=NOW, by="test")
    assert named(house(either_store), "switches").mark == "ok"
    assert named(house(either_store, smtp_url=None), "switches").mark == "bad"
    with either_store.write() as connection:
        switches.put(connection, "paused", "Bank holiday", at=NOW, by="test")
    assert "Bank holiday" in named(house(either_store), "switches").sentence


def test_a_broken_law_is_told(either_store: Store) -> None:
    assert marks(house(either_store))["laws"] == ["ok"]
    with either_store.write() as connection:
        row = {"account_id": "self", "livemode": False, "id": "evt_1", "type": "invoice.paid"}
        connection.execute(
            insert(events).values(**row, received_at=NOW - timedelta(hours=1), payload=b"{}", state="new")
        )
    law = named(house(either_store), "laws")
    assert (law.mark, "no event is left behind" in law.sentence) == ("bad", True)


@pytest.mark.parametrize(
    ("url", "mark"),
    [("sqlite:////etc", "bad"), ("postgresql+psycopg://u:hush@127.0.0.1:1/x", "bad"), ("", "warn")],
)
def test_a_database_that_is_away_or_empty_is_a_finding(url: str, mark: str, tmp_path: Any) -> None:
    opened = open_store(url or f"sqlite:///{tmp_path / 'new.db'}")
    found = named(house(opened), "database")
    opened.engine.dispose()
    assert found.mark == mark
    assert "hush" not in found.sentence


def test_a_database_of_another_version_is_a_finding(sqlite_url: str, store: Store) -> None:
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert named(house(store), "database").mark == "bad"


def test_the_command_examines_a_simulated_stripe(cli: Any, sqlite_url: str, simulated_stripe: Server) -> None:
    environment = {
        "STRIPE_API_KEY": "rk_test_x",
        "STRIPE_WEBHOOK_SECRET": "whsec_test",
        "STRIPE_API_BASE": simulated_stripe.url,
        "DUNNING_PUBLIC_URL": PUBLIC,
        "DATABASE_URL": sqlite_url,
    }
    ended = cli("doctor", "--json", **environment)
    told = {line["name"]: line["mark"] for line in json.loads(ended.out)}
    assert ended.code == 1
    assert (told["account"], told["rights"], told["clock"], told["webhook endpoint"]) == (
        *("ok", "ok", "ok", "bad"),
    )
    made = cli("stripe", "webhook", "create", **environment)
    assert made.code == 0
    assert f"{PUBLIC}/webhooks/stripe" in made.out
    assert "STRIPE_WEBHOOK_SECRET=whsec_" in made.out
    healed = cli("doctor", **environment)
    assert healed.code == 0, healed.out
    assert "✓ webhook endpoint" in healed.out
    assert "\x1b[" not in healed.out


def test_the_doctor_without_anything_says_what_is_missing(cli: Any) -> None:
    ended = cli("doctor")
    assert ended.code == 1
    assert "✗ key: STRIPE_API_KEY is missing." in ended.out
    assert "✗ webhook secret" in ended.out
    assert ended.err == ""


def test_stripes_own_time_is_read_from_its_answers(simulated_stripe: Server) -> None:
    theirs = Stripe("rk_test_x", simulated_stripe.url).server_time()
    assert theirs is not None
    assert abs(WallClock().now() - theirs) < timedelta(seconds=5)


def charges(store: Store) -> dict[str, Finding]:
    return {found.name: found for found in examine_charges(store, VirtualClock(NOW))}


def test_a_new_installation_is_only_asked_about_what_stripe_does_not_tell(either_store: Store) -> None:
    found = charges(either_store)
    assert {name: finding.mark for name, finding in found.items()} == {
        "charging": "ok",
        "contradictions": "ok",
        "unknown charges": "ok",
        "Stripe's retries": "ask",
    }
    with either_store.write() as connection:
        switches.put(connection, "messages", True, at=NOW, by="test")
    assert charges(either_store)["Stripe's mails"].mark == "ask"


def test_what_stops_charging_is_told_with_its_cure(either_store: Store) -> None:
    with either_store.write() as connection:
        breakers.trip(connection, "self", Cause.KEY, "Having the 'rak_invoice_write' permission…", NOW)
    found = charges(either_store)["charging"]
    assert (found.mark, "rak_invoice_write" in found.sentence, "Mend the key" in found.cure) == (
        *("bad", True, True),
    )
    with either_store.write() as connection:
        breakers.close(connection, "self", NOW)
        breakers.tell_skew(connection, "host-7", 12, "Stripe's", NOW)
    found = charges(either_store)["charging"]
    assert (found.mark, "host-7" in found.sentence) == ("bad", True)


def test_what_only_a_person_can_mend_is_told_with_its_key(sqlite_url: str) -> None:
    house, _ = furnish(sqlite_url)
    with house.store.write() as connection:
        one = connection.execute(select(recoveries).where(recoveries.c.closed_at.is_(None)).limit(1)).one()
        connection.execute(
            update(recoveries).where(recoveries.c.id == one.id).values(contradicted_at=NOW, taken_over=True)
        )
        connection.execute(update(recoveries).values(retries="weave").where(recoveries.c.id != one.id))
        connection.execute(
            update(attempts)
            .where(attempts.c.recovery_id == one.id, attempts.c.id == _first_attempt(connection, one.id))
            .values(
                abandoned_at=NOW, finished_at=None, state="unknown", ordinal=99, idempotency_key="v1:pay:x"
            )
        )
    found = charges(house.store)
    house.store.engine.dispose()
    assert (found["contradictions"].mark, one.invoice_id in found["contradictions"].sentence) == ("bad", True)
    assert (found["unknown charges"].mark, "v1:pay:x" in found["unknown charges"].sentence) == ("bad", True)
    assert "recoveries conclude" in found["unknown charges"].cure
    assert found["Stripe's retries"].mark in {"ok", "warn"}


def _first_attempt(connection: Any, recovery_id: str) -> str:
    query = select(attempts.c.id).where(attempts.c.recovery_id == recovery_id).limit(1)
    return str(connection.execute(query).scalar_one())
