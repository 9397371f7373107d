from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def template_dir() -> Path:
    return Path(__file__).parents[2] / "templates" / "email"
