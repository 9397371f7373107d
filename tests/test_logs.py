"""What stands in the log: an event's name and ids; never a secret, a customer's link or an address."""

import json
import logging
import subprocess
import sys
from typing import Any

import pytest
from pydantic import SecretStr

from dunning import logs
from dunning.errors import Unusable
from dunning.settings import Settings
from dunning.tracking import track_errors

CANARIES = (
    "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "rk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "dun_abcdefghijklmnop",
    "lnk_1.c2lnbmF0dXJl",
    "ada@customer.example",
    "ada+billing@mail.customer.example",
)
TEXTS = (
    "asked with sk_live_4eC39HqLyjWDarjtT1zdp7dc and rk_test_4eC39HqLyjWDarjtT1zdp7dc",
    "signed with whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw, token dun_abcdefghijklmnop",
    "see https://pay.example/pay/lnk_1.c2lnbmF0dXJl please",
    "550 no such mailbox <ada@customer.example>, nor ada+billing@mail.customer.example",
)


def said(capsys: pytest.CaptureFixture[str], *, as_json: bool, **fields: Any) -> str:
    logs.configure(json=as_json)
    try:
        int(" ".join(TEXTS))
    except ValueError as error:
        logs.get("test").exception("work_failed", row="att_1", error=error, **fields)
    return capsys.readouterr().err


@pytest.mark.parametrize("as_json", [True, False])
def test_no_canary_sings_however_deep_it_sits(capsys: pytest.CaptureFixture[str], *, as_json: bool) -> None:
    nested = {"list": list(TEXTS), "deep": {"tuple": TEXTS, "bytes": TEXTS[0].encode()}}
    told = said(capsys, as_json=as_json, text=" ".join(TEXTS), nested=nested)
    assert "att_1" in told
    assert "work_failed" in told
    assert [canary for canary in CANARIES if canary in told] == []


def test_a_line_for_programs_is_one_object_with_its_ids_whole(capsys: pytest.CaptureFixture[str]) -> None:
    ids = {"recovery": "rec_01J", "invoice": "in_1", "attempts": 3, "key": "v1:pay:self:in_1:2", "none": None}
    line = json.loads(said(capsys, as_json=True, **ids))
    assert {name: line[name] for name in ids} == ids
    assert line["level"] == "error"


def test_what_a_library_logs_is_redacted_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(json=True)
    bridge, log = logs.Bridge(), logging.getLogger("a_library.of_others")
    log.addHandler(bridge)
    try:
        int(" ".join(TEXTS))
    except ValueError:
        log.exception("Exception in ASGI application: %s", TEXTS[3])
    finally:
        log.removeHandler(bridge)
    line = json.loads(capsys.readouterr().err.splitlines()[-1])
    assert (line["module"], line["level"]) == ("a_library.of_others", "error")
    assert "ValueError" in line["exception"]
    assert [canary for canary in CANARIES if canary in str(line)] == []


def test_sentry_is_told_the_line_of_an_error_and_nothing_else(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sentry_sdk

    monkeypatch.setattr(logs, "_TRACKERS", [])
    track_errors(Settings(sentry_dsn=SecretStr("http://key@127.0.0.1:9/1")))
    sent: list[Any] = []
    sentry_sdk.get_client().transport.capture_envelope = sent.append  # type: ignore[union-attr,method-assign]
    logs.configure(json=True)
    logs.get("test").warning("not_told")
    said(capsys, as_json=True, text=TEXTS[3])
    (envelope,) = sent
    event = envelope.get_event()
    assert (event["message"], event["tags"]["row"]) == ("work_failed", "att_1")
    assert "ValueError" in event["extra"]["traceback"]
    assert not {"request", "user", "exception"} & set(event)
    assert not event.get("breadcrumbs", {}).get("values")
    assert [canary for canary in CANARIES if canary in str(event)] == []
    sentry_sdk.get_client().close(timeout=0)


def test_without_a_dsn_sentry_is_not_even_imported() -> None:
    code = (
        "import sys\nfrom dunning.settings import Settings\nfrom dunning.tracking import track_errors\n"
        "track_errors(Settings())\nassert 'sentry_sdk' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_dsn_that_is_none_is_refused_in_a_sentence() -> None:
    with pytest.raises(Unusable, match="DUNNING_SENTRY_DSN is not a DSN of Sentry"):
        track_errors(Settings(sentry_dsn=SecretStr("nonsense")))
