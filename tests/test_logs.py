"""What stands in the log: an event's name and ids; never a secret, a customer's link or an address."""

import json
from typing import Any

import pytest

from dunning import logs

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
