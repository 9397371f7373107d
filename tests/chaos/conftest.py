from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from chaos_city import City, free_port, wait_for


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def city(tmp_path: Path, postgres_url: str, redis_url: str) -> Iterator[City]:
    web, sandbox = free_port(), free_port()
    city = City(tmp_path, postgres_url, redis_url, f"http://127.0.0.1:{web}", f"http://127.0.0.1:{sandbox}")
    try:
        city.start(
            "sandbox", "sandbox", "--port", str(sandbox), "--deliver", f"{city.web_url}/webhooks/stripe"
        )
        city.start("web", "web")
        city.start("worker", "worker", "--threads", "4")
        city.start("clock", "clock")
        wait_for("the web process", lambda: answers(f"{city.web_url}/readyz"), 90)
        wait_for("the sandbox", lambda: answers(f"{city.sandbox_url}/_sandbox/summary"), 90)
        yield city
    finally:
        city.stop_all()
