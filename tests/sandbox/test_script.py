import socket
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from dunning.core.clock import VirtualClock
from dunning.sandbox import Sandbox, run_standalone, script


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "script.toml"
    path.write_text(text)
    return path


def test_steps_are_played_when_they_are_due(tmp_path: Path, sandbox: Sandbox, clock: VirtualClock) -> None:
    path = written(
        tmp_path,
        """
        [[step]]
        at = "1d2h"
        do = "customer"
        with = { fail = "lost_card", amount = 1200 }
        [[step]]
        do = "fault"
        with = { status = 500 }
        """,
    )
    script.plan(sandbox, script.load(path))
    sandbox.play()
    assert (len(sandbox.faults.rules), len(sandbox.books())) == (1, 0)
    clock.advance_to(clock.now() + timedelta(hours=26))
    sandbox.play()
    assert [line["amount"] for line in sandbox.books()] == [1200]


ANNA = "[[step]]\ndo = 'customer'\nas = 'anna'\n"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[step]]\ndo = 'dance'", "step 1: do = 'dance'; choose from"),
        ("[[step]]\ndo = 'advance'\nwith = { seconds = 1 }", "step 1: do = 'advance'"),
        ("[[step]]\ndo = 'deliver'\n[[step]]\ndo = 'deliver'\nat = '2x'", "step 2: at = '2x'"),
        ("[[step]]\ndo = 'deliver'\nwhen = 1", "step 1: unknown key 'when'"),
        ("[[step]]\ndo = 'deliver'\nwith = 1", "step 1 (deliver): with has to be a table"),
        ("[[step]]\ndo = 'deliver'\nwith = { a = 1 }", "there is no option a: it takes none"),
        ("[[step]]\ndo = 'customer'\nwith = { hair = 'red' }", "step 1 (customer): there is no option hair"),
        ("[[step]]\ndo = 'customer'\nwith = { amuont = 1 }", "perhaps amount is meant"),
        ("[[step]]\ndo = 'customer'\nwith = { amount = '1' }", "it takes whole number, at least 1"),
        ("[[step]]\ndo = 'customer'\nwith = { amount = true }", "amount = True does not fit"),
        ("[[step]]\ndo = 'customer'\nwith = { attention = 2 }", "it takes number, 0 to 1"),
        ("[[step]]\ndo = 'customer'\nwith = { zone = 'Mars' }", "zone = 'Mars' is no IANA time zone"),
        (
            "[[step]]\ndo = 'customer'\nwith = { debit = 'sepa_debit', currency = 'usd' }",
            "a sepa_debit is in eur",
        ),
        ("[[step]]\ndo = 'fault'\nwith = { when = 'never' }", "it takes `before` or `after`"),
        ("[[step]]\ndo = 'set'\nwith = { events = [1] }", "it takes list of text"),
        ("[[step]]\ndo = 'refund'", "step 1 (refund): invoice is missing"),
        ("[[step]]\ndo = 'refund'\nwith = { invoice = 'anna' }", "known: none yet"),
        (
            ANNA + "[[step]]\ndo = 'refund'\nwith = { invoice = 'ana' }",
            "step 2 (refund): invoice = 'ana' is no id",
        ),
        (ANNA + "[[step]]\ndo = 'escalate'\nwith = { dispute = 'anna' }", "a step that makes no dispute"),
        (ANNA + ANNA, "step 2 (customer): as = 'anna' is taken"),
        (
            ANNA.replace("as =", "at = '1d'\nas =") + "[[step]]\ndo = 'void'\nwith = { invoice = 'anna' }",
            "step 2 (void): invoice = 'anna' is no id, and no step before it",
        ),
        ("[[step]]\ndo = 'customer'\nas = 'in_123456'", "write a name that is no id"),
        ("[steps]\na = 1", "only [[step]] tables"),
        ("step = 1", "only [[step]] tables"),
        ("[[step]]\ndo = 'deliver'\noptional = 1", "optional = 1; write true or false"),
        ("[[step", "script.toml is not TOML"),
    ],
)
def test_a_bad_script_is_refused_before_it_starts_and_names_the_step(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(script.ScriptError) as caught:
        script.load(written(tmp_path, text))
    assert complaint in str(caught.value)


def test_a_step_that_cannot_be_played_names_itself(tmp_path: Path, sandbox: Sandbox) -> None:
    path = written(
        tmp_path,
        """
        [[step]]
        do = "customer"
        with = { fail = "lost_card" }
        as = "anna"
        [[step]]
        do = "refund"
        with = { invoice = "anna" }
        """,
    )
    script.plan(sandbox, script.load(path))
    with pytest.raises(script.ScriptError, match=r"step 2 \(refund\): this invoice was not paid"):
        sandbox.play()


def test_an_optional_step_that_cannot_be_played_is_left_out(tmp_path: Path, sandbox: Sandbox) -> None:
    path = written(
        tmp_path,
        """
        [[step]]
        do = "customer"
        as = "anna"
        [[step]]
        do = "void"
        with = { invoice = "anna" }
        optional = true
        """,
    )
    made = script.plan(sandbox, script.load(path))
    sandbox.play()
    assert sandbox.world.tables["invoices"][made["anna"]["invoice"]]["status"] == "paid"


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(script.ScriptError, match=r"none.toml cannot be read \(No such file"):
        script.load(tmp_path / "none.toml")


def test_later_steps_name_what_earlier_ones_made(tmp_path: Path, sandbox: Sandbox) -> None:
    path = written(
        tmp_path,
        """
        [[step]]
        do = "customer"
        as = "anna"
        [[step]]
        do = "refund"
        with = { invoice = "anna", amount = 900 }
        as = "her refund"
        [[step]]
        do = "fail_refund"
        with = { refund = "her refund" }
        """,
    )
    script.plan(sandbox, script.load(path))
    sandbox.play()
    kinds = [(line["kind"], line["amount"]) for line in sandbox.books()]
    assert kinds == [("charge", 2900), ("refund", 900), ("refund_failure", 900)]


def test_the_same_is_said_to_python_and_over_http(sandbox: Sandbox, control: Any) -> None:
    with pytest.raises(ValueError, match="perhaps amount is meant"):
        sandbox.do("customer", amuont=1)
    with pytest.raises(ValueError, match="there is no action 'dance'"):
        sandbox.do("dance")
    answer = httpx.post(f"{control.url}/_sandbox/customer", json={"amuont": 1})
    assert (answer.status_code, "perhaps amount is meant" in answer.json()["error"]) == (400, True)
    assert httpx.post(f"{control.url}/_sandbox/customer", json=[]).status_code == 400
    torn = httpx.post(f"{control.url}/_sandbox/customer", content=b"{")
    assert (torn.status_code, "is not JSON" in torn.json()["error"]) == (400, True)
    told = httpx.get(f"{control.url}/_sandbox/actions").json()
    assert told["refund"]["gives"] == ["refund"]


def test_control_explains_what_it_cannot_do(control: Any) -> None:
    unknown = httpx.post(f"{control.url}/_sandbox/dance", json={})
    assert (unknown.status_code, "choose from" in unknown.json()["error"]) == (404, True)
    bad = httpx.post(f"{control.url}/_sandbox/customer", json={"hair": "red"})
    assert (bad.status_code, "hair" in bad.json()["error"]) == (400, True)


def test_it_runs_on_its_own_on_wall_time(tmp_path: Path) -> None:
    path = written(tmp_path, "[[step]]\ndo = 'customer'\nwith = { fail = 'insufficient_funds' }")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stop = threading.Event()
    options: dict[str, Any] = {"port": port, "script": path, "books": tmp_path / "books", "stop": stop}
    running = threading.Thread(target=run_standalone, kwargs=options)
    running.start()
    url = f"http://127.0.0.1:{port}/_sandbox"
    try:
        deadline = time.monotonic() + 20
        books = tmp_path / "books"
        while time.monotonic() < deadline and not (books.exists() and books.stat().st_size):
            time.sleep(0.02)
        before = httpx.get(f"{url}/summary").json()["now"]
        moved = httpx.post(f"{url}/advance", json={"seconds": 86400}).json()["now"]
        assert moved[:10] > before[:10]
    finally:
        stop.set()
        running.join(10)
    assert '"outcome":"declined"' in (tmp_path / "books").read_text()
