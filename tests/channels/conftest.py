"""A fake of somebody else's server, for every channel."""

from collections.abc import Iterator

import pytest
from fake_http import Fake, fake_http


@pytest.fixture
def fake() -> Iterator[Fake]:
    with fake_http() as made:
        yield made
