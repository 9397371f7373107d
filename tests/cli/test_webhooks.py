"""Listeners and further contacts on the command line."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from browser.house import furnish
from fake_http import Fake, fake_http


@pytest.fixture
def fake() -> Iterator[Fake]:
    with fake_http() as made:
        yield made


@pytest.fixture
def business(cli: Any, sqlite_url: str) -> Iterator[Any]:
    house, _ = furnish(sqlite_url)
    usual = {"DATABASE_URL": sqlite_url, "DUNNING_PRIVATE_WEBHOOKS": "on"}
    yield lambda *words, **more: cli(*words, **(usual | more))
    house.store.engine.dispose()


def test_a_webhook_lives_on_the_command_line(business: Any, fake: Fake) -> None:
    added = business(
        "webhook", "add", f"{fake.url}/in", "--on", "recovery.lost", "--at-least", "eur:50000", "--json"
    )
    made = json.loads(added.out)
    assert made["secret"].startswith("whsec_")
    assert (made["topics"], made["at_least"]) == (["recovery.lost"], {"eur": 50000})
    listener_id = made["id"]
    assert json.loads(business("webhook", "secret", listener_id, "--json").out) == [made["secret"]]
    assert len(json.loads(business("webhook", "secret", listener_id, "--rotate", "--json").out)) == 2
    assert business("webhook", "test", listener_id).out == "It was told: 200\n"
    (row,) = json.loads(business("webhook", "deliveries", listener_id, "--json").out)
    assert (row["topic"], row["state"], row["tries"]) == ("test", "told", 1)
    assert business("webhook", "redeliver", row["id"]).out == "1 will be told again.\n"
    assert business("webhook", "redeliver", listener_id).out == "There is nothing to tell again.\n"
    listed = business("webhook", "list").out
    assert listener_id in listed
    assert made["secret"] not in listed
    doctor = business("doctor").out
    assert f"listener: webhook {fake.url}/in hears 1 topics." in doctor
    assert business("webhook", "remove", listener_id).out == "Removed.\n"
    assert json.loads(business("webhook", "list", "--json").out) == []


def test_a_test_that_fails_is_exit_code_1(business: Any) -> None:
    listener_id = json.loads(business("webhook", "add", "http://127.0.0.1:9/in", "--json").out)["id"]
    ended = business("webhook", "test", listener_id)
    assert (ended.code, ended.out.startswith("It was not told: ")) == (1, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("webhook", "add", "https://10.0.0.1/x"), "one's own"),
        (("webhook", "add", "ftp://x"), "https://"),
        (("webhook", "add", "slack"), "DUNNING_SLACK_URL is not set"),
        (("webhook", "add", "https://8.8.8.8/x", "--on", "nothing"), "There is no topic nothing"),
        (("webhook", "add", "https://8.8.8.8/x", "--at-least", "500"), "such as usd:50000"),
        (("webhook", "test", "lst_none"), "There is no listener lst_none"),
        (("webhook", "redeliver", "lst_none"), "There is no listener lst_none"),
        (("recoveries", "contact", "rec_none"), "There is no recovery rec_none"),
    ],
)
def test_what_cannot_be_is_one_sentence(business: Any, words: tuple[str, ...], said: str) -> None:
    ended = business(*words, DUNNING_PRIVATE_WEBHOOKS="off")
    assert ended.code == 2
    assert said in ended.complaint


def test_a_contact_is_set_shown_and_forgotten(business: Any) -> None:
    recovery = json.loads(business("recoveries", "list", "--limit", "1", "--json").out)["data"][0]["id"]
    assert business("recoveries", "contact", recovery, "--second", "boss@acme.example").code == 0
    wrong = business("recoveries", "contact", recovery, "--sms", "07700 900123")
    assert (wrong.code, "country's code" in wrong.out) == (1, True)
    assert json.loads(business("recoveries", "contact", recovery, "--json").out) == {
        "second_contact": "boss@acme.example",
        "sms": None,
    }
    assert business("recoveries", "contact", recovery, "--second", "").code == 0


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("DUNNING_SMS_URL", "twilio://AC1:t0ps3cret@api.twilio.com", "DUNNING_SMS_URL"),
        ("DUNNING_ZENDESK_URL", "https://t0ps3cret@acme.zendesk.com", "DUNNING_ZENDESK_URL"),
        ("DUNNING_SMS_DETAILS", "perhaps", "must be on or off"),
    ],
)
def test_a_setting_that_cannot_work_is_refused_without_its_secret(
    business: Any, setting: str, value: str, said: str
) -> None:
    ended = business("recoveries", "list", **{setting: value})
    assert ended.code == 2
    assert said in ended.complaint
    assert "t0ps3cret" not in ended.err + ended.out
