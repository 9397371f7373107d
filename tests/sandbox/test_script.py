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


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[step]]\ndo = 'dance'", "step 1: do = 'dance'"),
        ("[[step]]\ndo = 'deliver'\n[[step]]\ndo = 'deliver'\nat = '2x'", "step 2: at = '2x'"),
        ("[[step]]\ndo = 'deliver'\nwhen = 1", "step 1: unknown key 'when'"),
        ("[steps]\na = 1", "only [[step]] tables"),
        ("[[step", "script.toml"),
    ],
)
def test_a_bad_script_names_the_step(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(script.ScriptError) as caught:
        script.load(written(tmp_path, text))
    assert complaint in str(caught.value)


def test_a_step_that_cannot_be_played_names_itself(tmp_path: Path, sandbox: Sandbox) -> None:
    path = written(tmp_path, "[[step]]\ndo = 'customer'\nwith = { hair = 'red' }")
    script.plan(sandbox, script.load(path))
    with pytest.raises(script.ScriptError, match=r"step 1 \(customer\)"):
        sandbox.play()


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
