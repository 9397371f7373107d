"""What docs/webhooks.md tells receivers is so: its code verifies what is sent, its tables are complete."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dunning.core.announcement import WAITS, Topic
from dunning.core.webhook_signature import headers, make_secret
from dunning.flows.announcing import SHOWN

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "webhooks.md").read_text(encoding="utf-8")
NOW = datetime(2026, 1, 5, 6, tzinfo=UTC)


def receiver() -> Any:
    """Return the `verify` of the documentation."""
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    return names["verify"]


def test_the_code_for_receivers_believes_what_is_sent_and_nothing_else() -> None:
    verify, body = receiver(), json.dumps({"type": "test"}).encode()
    old, new = (make_secret(b"k" * 32, "lst_1", version) for version in (1, 2))
    sent = headers("ann_1", NOW, body, [new, old])
    for secret in (old, new):
        verify(sent, body, secret, now=NOW.timestamp() + 299)
    for given, content, secret, now in (
        (sent, body + b" ", new, NOW.timestamp()),
        (sent, body, make_secret(b"k" * 32, "lst_2", 1), NOW.timestamp()),
        ({**sent, "webhook-id": "ann_2"}, body, new, NOW.timestamp()),
        (sent, body, new, NOW.timestamp() + 301),
    ):
        with pytest.raises(ValueError, match=r"too old|not signed"):
            verify(given, content, secret, now=now)


def test_every_topic_and_every_field_is_told() -> None:
    for name in (*Topic, *SHOWN):
        assert f"`{name}`" in TEXT, name


def test_the_waits_are_the_ones_that_are_kept() -> None:
    minutes = [int(wait.total_seconds()) // 60 for wait in WAITS]
    assert minutes == [0, 5, 30, *(60 * hours for hours in (2, 5, 10, 14, 20, 24))]
    assert "5 seconds, 5 and 30 minutes, 2, 5, 10, 14,\n  20 and 24 hours" in TEXT
