"""What cannot work ends with exit code 2 and one sentence that names the setting and the cure."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

KEYS = {"STRIPE_API_KEY": "rk_test_x", "STRIPE_WEBHOOK_SECRET": "whsec_x"}
NOWHERE = "127.0.0.1:1"
PROCESSES = (("web",), ("worker",), ("clock",))

SETTINGS: list[tuple[str, tuple[str, ...], dict[str, str], str]] = [
    ("an unknown setting", ("serve",), {"DUNNING_PROT": "1"}, "DUNNING_PORT"),
    ("an unknown setting", ("demo", "--headless"), {"DUNNING_PROT": "1"}, "DUNNING_PORT"),
    ("another database", ("db", "upgrade"), {"DATABASE_URL": "mysql://x/y"}, "postgresql://"),
    ("a torn URL", ("db", "check"), {"DATABASE_URL": "postgresql://u:hush@:::"}, "DATABASE_URL"),
    ("a torn URL", ("serve",), {"DATABASE_URL": "postgresql://u:hush@:::"}, "DATABASE_URL"),
    ("a torn URL", ("worker",), {"DATABASE_URL": "postgresql://u:hush@:::"}, "DATABASE_URL"),
    ("no host", ("db", "check"), {"DATABASE_URL": f"postgresql://u:hush@{NOWHERE}/x"}, "Start it"),
    ("a folder", ("db", "upgrade"), {"DATABASE_URL": "sqlite:////"}, "DATABASE_URL"),
    ("no folder", ("db", "upgrade"), {"DUNNING_DATA_DIR": "/dev/null/x"}, "DUNNING_DATA_DIR"),
    ("no Redis", ("serve",), {"REDIS_URL": f"redis://{NOWHERE}/0"}, "REDIS_URL"),
    ("no Redis URL", ("serve",), {"REDIS_URL": "nonsense"}, "redis://"),
    ("no secret", ("serve",), {"STRIPE_WEBHOOK_SECRET": ""}, "STRIPE_WEBHOOK_SECRET"),
    ("no secret", ("serve",), {"STRIPE_WEBHOOK_SECRET": "hush"}, "whsec_"),
    ("no key", ("serve",), {"STRIPE_API_KEY": ""}, "STRIPE_API_KEY"),
    ("no key", ("serve",), {"STRIPE_API_KEY": "pk_test_x"}, "STRIPE_API_KEY"),
    ("two keys", ("serve",), {"STRIPE_SECRET_KEY": "sk_test_other"}, "STRIPE_SECRET_KEY"),
    ("real money", ("demo", "--headless"), {"STRIPE_API_KEY": "rk_live_hush"}, "live"),
    ("real money", ("sandbox",), {"STRIPE_API_KEY": "sk_live_hush"}, "live"),
    ("real money", ("doctor",), {"STRIPE_API_KEY": "sk_live_hush", "STRIPE_API_BASE": "http://x"}, "live"),
    ("a bad port", ("serve",), {"DUNNING_PORT": "eighty"}, "DUNNING_PORT"),
    ("a bad port", ("serve",), {"DUNNING_PORT": "70000"}, "DUNNING_PORT"),
    ("a bad zone", ("report", "recovered"), {"DUNNING_REPORT_TIMEZONE": "Mars"}, "time zone"),
    ("a bad switch", ("mode",), {"DUNNING_MESSAGES": "yes"}, "on or off"),
    ("a third of a provider", ("serve",), {"DUNNING_OIDC_ISSUER": "https://x"}, "DUNNING_OIDC_CLIENT_ID"),
    ("no config", ("mode",), {"DUNNING_CONFIG": "nope.toml"}, "DUNNING_CONFIG"),
]

ARGUMENTS: list[tuple[tuple[str, ...], str]] = [
    (("serve", "--port", "70000"), "--port"),
    (("serve", "--port", "http"), "--port"),
    (("serve", "--host", "203.0.113.7"), "203.0.113.7"),
    (("worker", "--threads", "0"), "--threads"),
    (("demo", "--json"), "--headless"),
    (("demo", "--days", "0"), "--days"),
    (("demo", "--speed", "fast"), "--speed"),
    (("demo", "--speed", "0h"), "--speed"),
    (("demo", "--headless", "--days", "1", "--customers", "1", "--books", "no/such/x.jsonl"), "no/such"),
    (("demo", "--headless", "--script", "nope.toml"), "nope.toml"),
    (("demo", "--headless", "--customers", "0"), "--script"),
    (("sandbox", "--script", "nope.toml"), "--script"),
    (("sandbox", "--deliver", "somewhere"), "--deliver"),
    (("sandbox", "--host", "203.0.113.7"), "203.0.113.7"),
    (("pause",), "--all"),
    (("pause", "--all"), "--reason"),
    (("mode", "--release", "--retries", "own"), "--release"),
    (("mode", "--retries", "always"), "--retries"),
    (("reconcile", "--since", "yesterday"), "--since"),
    (("reconcile", "--since", "2099-01-01"), "future"),
    (("reconcile", "--since", "99999w"), "--since"),
    (("reconcile", "--since", "0001-01-01T00:00:00+05:00"), "--since"),
    (("recoveries", "show", "rec_nobody"), "rec_nobody"),
    (("recoveries", "show", "rec_\udcff"), "UTF-8"),
    (("recoveries", "retry", "rec_nobody"), "rec_nobody"),
    (("recoveries", "link", "rec_nobody"), "rec_nobody"),
    (("recoveries", "pause", "rec_nobody", "--until", "7d", "--reason", "x"), "rec_nobody"),
    (("recoveries", "pause", "rec_x", "--until", "2020-01-01", "--reason", "x"), "--until"),
    (("recoveries", "pause", "rec_x", "--until", "later", "--reason", "x"), "--until"),
    (("recoveries", "pause", "rec_x", "--reason", "x"), "--until"),
    (("recoveries", "list", "--status", "gone"), "--status"),
    (("report", "recovered", "--month", "2026-13"), "--month"),
    (("report", "recovered", "--month", "October"), "--month"),
    (("report", "recovered", "--month", "9999-12"), "--month"),
    (("report", "recovered", "--from", "2020-01-01", "--group-by", "day"), "--from"),
    (("report", "recovered", "--from", "1 October"), "--from"),
    (("report", "recovered", "--to", "2026-10-01"), "--from"),
    (("report", "recovered", "--from", "2026-10-01", "--to", "2026-10-01"), "--to"),
    (("report", "recovered", "--month", "2026-10", "--from", "2026-10-01"), "--month"),
    (("report", "recovered", "-o", "no/such/file.csv"), "no/such/file.csv"),
    (("campaign", "validate", "nope.toml"), "nope.toml"),
    (("campaign", "validate", "nope.yaml"), ".toml"),
    (("campaign", "plan", "--timezone", "Mars/Base"), "--timezone"),
    (("campaign", "plan", "--failed", "soon"), "--failed"),
    (("stripe", "webhook", "create", "--url", "http://acme.example"), "https://"),
    (("stripe", "webhook", "create"), "--url"),
    (("nonsense",), "nonsense"),
    (("serve", "--nonsense"), "--nonsense"),
]


@pytest.mark.parametrize(("_case", "command", "environment", "names"), SETTINGS)
def test_a_setting_that_cannot_work_is_named(
    _case: str, command: tuple[str, ...], environment: Mapping[str, str], names: str, cli: Any
) -> None:
    ended = cli(*command, **{**KEYS, **environment})
    assert ended.code == 2
    assert names in ended.complaint
    assert "hush" not in ended.err
    assert ended.out == ""


@pytest.mark.parametrize("command", ["serve", "web"])
def test_all_the_settings_that_are_missing_are_named_at_once(command: str, cli: Any) -> None:
    ended = cli(command, DUNNING_SMTP_URL="smtp://mail.acme.example")
    assert ended.code == 2
    for name in ("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "DUNNING_MAIL_FROM"):
        assert f"{name} is missing: set it to " in ended.complaint


@pytest.mark.parametrize(("command", "names"), ARGUMENTS, ids=[" ".join(words) for words, _ in ARGUMENTS])
def test_an_argument_that_cannot_work_is_named(
    command: tuple[str, ...], names: str, cli: Any, sqlite_url: str
) -> None:
    ended = cli(*command, **KEYS, DATABASE_URL=sqlite_url)
    assert ended.code == 2
    assert names in ended.complaint
    assert ended.out == ""


@pytest.mark.parametrize("command", PROCESSES, ids=" ".join)
def test_sqlite_is_not_for_separate_processes(command: tuple[str, ...], cli: Any, sqlite_url: str) -> None:
    ended = cli(*command, **KEYS, DATABASE_URL=sqlite_url)
    assert ended.code == 2
    assert "dunning serve" in ended.complaint


@pytest.mark.parametrize("command", PROCESSES, ids=" ".join)
def test_separate_processes_need_redis(command: tuple[str, ...], cli: Any, postgres_url: str) -> None:
    ended = cli(*command, **KEYS, DATABASE_URL=postgres_url)
    assert ended.code == 2
    assert "REDIS_URL" in ended.complaint


@pytest.mark.parametrize("command", PROCESSES, ids=" ".join)
def test_separate_processes_refuse_an_old_database(
    command: tuple[str, ...], process: Any, tmp_path: Path, postgres_url: str, redis_url: str
) -> None:
    engine = create_engine(make_url(postgres_url))
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM alembic_version"))
    engine.dispose()
    ended = process(tmp_path, *command, **KEYS, DATABASE_URL=postgres_url, REDIS_URL=redis_url)
    assert ended.code == 2
    assert "dunning db upgrade" in ended.complaint


def test_a_database_that_is_missing_is_named(cli: Any, postgres_url: str) -> None:
    missing = make_url(postgres_url).set(database="nowhere").render_as_string(hide_password=False)
    ended = cli("db", "upgrade", DATABASE_URL=missing)
    assert ended.code == 2
    assert 'database "nowhere" does not exist' in ended.complaint


@pytest.mark.parametrize("command", [("recoveries", "list"), ("mode",), ("learn",), ("report", "recovered")])
def test_a_database_without_tables_is_told_to_be_upgraded(command: tuple[str, ...], cli: Any) -> None:
    ended = cli(*command)
    assert ended.code == 2
    assert "dunning db upgrade" in ended.complaint


def test_a_port_in_use_is_named(cli: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for command in (("serve",), ("demo", "--no-open"), ("sandbox",)):
            ended = cli(*command, "--port", port, **KEYS)
            assert ended.code == 2
            assert port in ended.complaint


def test_files_that_must_be_new_are_not_overwritten(cli: Any) -> None:
    Path("mine").write_text("precious", encoding="utf-8")
    for command in (
        ("demo", "--headless", "--db"),
        ("demo", "--headless", "--books"),
        ("sandbox", "--books"),
    ):
        ended = cli(*command, "mine")
        assert ended.code == 2
        assert "mine exists already" in ended.complaint
    assert Path("mine").read_text(encoding="utf-8") == "precious"


def test_a_file_that_is_no_database_is_refused(cli: Any) -> None:
    Path("letter.db").write_text("Dear customer, " * 100, encoding="utf-8")
    ended = cli("recoveries", "list", DATABASE_URL="sqlite:///letter.db")
    assert ended.code == 2
    assert "not a database" in ended.complaint


def test_an_unknown_key_in_the_file_is_named_with_what_was_meant(cli: Any) -> None:
    Path("dunning.toml").write_text('pubilc_url = "https://x"\n', encoding="utf-8")
    ended = cli("mode")
    assert ended.code == 2
    assert "public_url" in ended.complaint


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (("serve",), {}),
        (("demo", "--headless"), {"STRIPE_API_KEY": "sk_live_x"}),
        (("db", "check"), {"DATABASE_URL": "oracle://x"}),
        (("nonsense",), {}),
    ],
)
def test_a_real_process_ends_with_2_and_no_traceback(
    arguments: tuple[str, ...], environment: dict[str, str], process: Any, tmp_path: Path
) -> None:
    ended = process(tmp_path, *arguments, **environment)
    assert ended.code == 2
    assert ended.complaint
    assert ended.out == ""
