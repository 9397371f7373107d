"""`dunning init`: what it asks, what it writes, and what it never does."""

import io
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest

from dunning.flows.rights import RIGHTS
from dunning.sandbox import Server

ANSWERS = ("rk_test_x", "whsec_x", "https://dunning.acme.example", "Acme <billing@acme.example>")
FILE = Path("dunning.toml")


class Terminal(io.StringIO):
    """Somebody who types."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Types these lines; the unseen ones too."""

    def type_them(*lines: str) -> None:
        monkeypatch.setattr("sys.stdin", Terminal("".join(f"{line}\n" for line in lines)))
        monkeypatch.setattr("getpass.getpass", lambda *_, **__: input())

    return type_them


def test_init_asks_and_writes_what_it_was_told(cli: Any, answers: Any, simulated_stripe: Server) -> None:
    answers(*ANSWERS)
    ended = cli("init", STRIPE_API_BASE=simulated_stripe.url)
    assert ended.code == 1  # the doctor finds no webhook endpoint yet
    written = tomllib.loads(FILE.read_text(encoding="utf-8"))
    names = ("stripe_api_key", "stripe_webhook_secret", "public_url", "mail_from")
    assert written == dict(zip(names, ANSWERS, strict=True))
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600
    assert not list(Path().glob("*.new"))


def test_init_lists_the_rights_before_it_asks_and_then_runs_the_doctor(
    cli: Any, answers: Any, simulated_stripe: Server
) -> None:
    answers(*ANSWERS)
    out = cli("init", STRIPE_API_BASE=simulated_stripe.url).out
    last_right = max(out.index(right.resource) for right in RIGHTS)
    assert last_right < out.index("Restricted key") < out.index("✓ account")
    assert "rk_test_x" not in out
    assert "whsec_x" not in out


def test_init_asks_again_when_an_answer_cannot_work(cli: Any, answers: Any, simulated_stripe: Server) -> None:
    answers("pk_test_x", "rk_test_x", "hush", "", "acme.example", "", "")
    ended = cli("init", STRIPE_API_BASE=simulated_stripe.url)
    assert tomllib.loads(FILE.read_text(encoding="utf-8")) == {"stripe_api_key": "rk_test_x"}
    assert [word in ended.err for word in ("STRIPE_API_KEY", "whsec_", "DUNNING_PUBLIC_URL")] == [True] * 3
    assert "hush" not in ended.err


@pytest.mark.parametrize("answer", ["n", ""])
def test_init_never_overwrites_without_asking(answer: str, cli: Any, answers: Any) -> None:
    FILE.write_text("port = 9000\n", encoding="utf-8")
    answers(answer, *ANSWERS)
    assert cli("init").code == 2
    assert cli("init", "--yes", STRIPE_API_KEY="rk_test_x").code == 2
    assert FILE.read_text(encoding="utf-8") == "port = 9000\n"


def test_init_replaces_a_file_it_was_told_to_replace(
    cli: Any, answers: Any, simulated_stripe: Server
) -> None:
    FILE.write_text("this is not TOML", encoding="utf-8")
    FILE.chmod(0o644)
    answers("y", *ANSWERS)
    cli("init", STRIPE_API_BASE=simulated_stripe.url)
    assert tomllib.loads(FILE.read_text(encoding="utf-8"))["stripe_api_key"] == "rk_test_x"
    assert stat.S_IMODE(FILE.stat().st_mode) == 0o600


def test_init_for_scripts_takes_the_environment(cli: Any, simulated_stripe: Server) -> None:
    environment = {"STRIPE_SECRET_KEY": "rk_test_x", "DUNNING_MAIL_FROM": 'A "B" \\ <a@b.example>'}
    cli("init", "--yes", STRIPE_API_BASE=simulated_stripe.url, **environment)
    assert tomllib.loads(FILE.read_text(encoding="utf-8")) == {
        "stripe_api_key": "rk_test_x",
        "stripe_api_base": simulated_stripe.url,
        "mail_from": 'A "B" \\ <a@b.example>',
    }


@pytest.mark.parametrize(
    ("environment", "names"),
    [({}, "STRIPE_API_KEY"), ({"STRIPE_API_KEY": "rk_test_x", "STRIPE_WEBHOOK_SECRET": "no"}, "whsec_")],
)
def test_init_for_scripts_refuses_what_cannot_work(environment: dict[str, str], names: str, cli: Any) -> None:
    ended = cli("init", "--yes", **environment)
    assert ended.code == 2
    assert names in ended.complaint
    assert not FILE.exists()


def test_init_without_a_terminal_says_how_to_run_it(cli: Any) -> None:
    ended = cli("init")
    assert ended.code == 2
    assert "--yes" in ended.complaint
    assert not FILE.exists()
