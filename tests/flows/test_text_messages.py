"""A text goes to a number that agreed, at most once, and never again after STOP."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import pytest
from fake_http import Fake, Reply, fake_http
from flows.outside import message, open_to, step_by
from flows.stopping import steps
from scenarios.stage import Stage

from dunning.core.texting import Answer
from dunning.core.vocabulary import MessageState, SuppressionReason
from dunning.flows import contacting, listening, messaging, recipients, sending
from dunning.flows.driver import run
from dunning.flows.texted import NotTwilio, hear_answer
from dunning.store import suppressions
from dunning.store.contacts import SECOND, SMS

NUMBER = "+447700900123"
TAKEN = Reply(201, {"sid": "SM1", "status": "queued"})


@pytest.fixture
def fake() -> Iterator[Fake]:
    with fake_http() as made:
        made.answer = lambda _got: TAKEN
        yield made


def robin_with(stage: Stage, fake: Fake, **form: str) -> tuple[dict[str, Any], str]:
    """Return a customer with a phone, and the message that is due to it."""
    open_to(stage, fake)
    robin = stage.fails("lost_card")
    given = {"phone": "+44 7700 900-123", "metadata[sms_consent]": "yes"} | form
    stage.merchant("POST", f"/v1/customers/{robin['customer']}", **given)
    return robin, step_by(stage, robin, "sms")


def answered(body: str, number: str = NUMBER, **more: str) -> tuple[dict[str, str], str]:
    """Return an answer as Twilio tells it, with its signature."""
    form = {"From": number, "To": "+15005550006", "Body": body, "MessageSid": "SM2", **more}
    said = "http://127.0.0.1:8000/webhooks/twilio" + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(b"token", said.encode(), hashlib.sha1).digest()
    return form, base64.b64encode(digest).decode()


def test_a_text_goes_to_the_number_in_its_one_way_of_writing(stage: Stage, fake: Fake) -> None:
    _, message_id = robin_with(stage, fake)
    stage.settle()
    (got,) = fake.got
    assert got.form["To"] == NUMBER
    assert "STOP" in got.form["Body"]
    assert "http" not in got.form["Body"]
    row = message(stage, message_id)
    assert (row["state"], row["address"], row["provider"]) == (MessageState.SENT, NUMBER, "sms")
    assert row["body_text"] == got.form["Body"]
    assert stage.mails.sent == []


def test_the_merchant_may_put_the_link_in(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    open_to(stage, fake, sms_details=True)
    robin = stage.fails("lost_card")
    contacting.keep(stage.house, stage.recovery(robin).id, SMS, NUMBER, by="test")
    step_by(stage, robin, "sms")
    stage.settle()
    assert "http://127.0.0.1:8000/pay/" in fake.got[0].form["Body"]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"metadata[sms_consent]": "no"}, recipients.NO_CONSENT),
        ({"metadata[sms_consent]": ""}, recipients.NO_CONSENT),
        ({"phone": "07700 900123"}, recipients.NO_NUMBER),
        ({"phone": ""}, recipients.NO_NUMBER),
    ],
)
def test_without_consent_or_a_whole_number_nothing_goes_and_the_row_says_why(
    quick_stage: Stage, fake: Fake, form: dict[str, str], said: str
) -> None:
    _, message_id = robin_with(quick_stage, fake, **form)
    quick_stage.settle()
    row = message(quick_stage, message_id)
    assert (row["state"], row["note"]) == (MessageState.SKIPPED, said)
    assert fake.got == []


@pytest.mark.parametrize(("done", "asked"), [(1, 0), (2, 1)])
def test_a_text_whose_sender_died_is_unknown_and_never_sent_again(
    stage: Stage, fake: Fake, done: int, asked: int
) -> None:
    _, message_id = robin_with(stage, fake)
    run(messaging.write(stage.house, message_id))
    for step in steps(sending.send(stage.house, message_id))[:done]:
        step()
    stage.pass_time(days=2)
    assert message(stage, message_id)["state"] is MessageState.UNKNOWN
    assert len([got for got in fake.got if got.path.endswith("Messages.json")]) == asked


def test_an_answer_of_twilio_that_is_lost_is_unknown_and_never_asked_for_again(
    stage: Stage, fake: Fake
) -> None:
    fake.answer = lambda _got: Reply(cut=True)
    _, message_id = robin_with(stage, fake)
    stage.pass_time(days=2)
    assert message(stage, message_id)["state"] is MessageState.UNKNOWN
    assert len(fake.got) == 1


def test_twilio_that_is_busy_is_asked_again_and_the_text_goes_once(quick_stage: Stage, fake: Fake) -> None:
    fake.answer = lambda _got: Reply(429, {"code": 20429}) if len(fake.got) < 2 else TAKEN
    _, message_id = robin_with(quick_stage, fake)
    quick_stage.pass_time(hours=1)
    assert message(quick_stage, message_id)["state"] is MessageState.SENT
    assert len(fake.got) == 2


def test_stop_suppresses_the_number_start_releases_it_and_both_may_come_twice(
    stage: Stage, fake: Fake
) -> None:
    robin, message_id = robin_with(stage, fake)
    for _ in range(2):
        assert hear_answer(stage.house, *answered("Stop!")) is Answer.STOP
    stage.settle()
    row = message(stage, message_id)
    assert (row["state"], row["note"]) == (MessageState.SKIPPED, recipients.STOPPED)
    assert fake.got == []
    for _ in range(2):
        assert hear_answer(stage.house, *answered("anything", OptOutType="START")) is Answer.START
    second = stage.fails("lost_card", email="b@example.com")
    contacting.keep(stage.house, stage.recovery(second).id, SMS, NUMBER, by="test")
    step_by(stage, second, "sms")
    stage.settle()
    assert len(fake.got) == 1
    assert robin["customer"] != second["customer"]


def test_a_number_that_twilio_knows_to_have_answered_stop_is_suppressed(
    quick_stage: Stage, fake: Fake
) -> None:
    fake.answer = lambda _got: Reply(400, {"code": 21610, "message": "Attempt to send to unsubscribed"})
    _, message_id = robin_with(quick_stage, fake)
    quick_stage.settle()
    row = message(quick_stage, message_id)
    assert row["state"] == MessageState.FAILED
    assert "STOP" in row["note"]
    with quick_stage.house.store.read() as connection:
        assert suppressions.of(connection, "self", NUMBER)["reason"] == SuppressionReason.STOPPED_TEXTS
    hear_answer(quick_stage.house, *answered("START"))
    with quick_stage.house.store.read() as connection:
        assert suppressions.of(connection, "self", NUMBER)["released_at"] is not None


def test_an_answer_that_twilio_did_not_sign_changes_nothing(quick_stage: Stage, fake: Fake) -> None:
    _, message_id = robin_with(quick_stage, fake)
    form, signature = answered("STOP")
    for given, by in ((form, "x"), (form, ""), ({**form, "From": "+15005550009"}, signature)):
        with pytest.raises(NotTwilio):
            hear_answer(quick_stage.house, given, by)
    quick_stage.settle()
    assert message(quick_stage, message_id)["state"] is MessageState.SENT


def test_a_second_contact_is_written_to_apart_and_at_their_own_address(stage: Stage, fake: Fake) -> None:
    open_to(stage, fake)
    robin = stage.fails("lost_card")
    customer = f"/v1/customers/{robin['customer']}"
    stage.merchant("POST", customer, **{"metadata[billing_contact]": "boss@juniper.example"})
    message_id = step_by(stage, robin, "email", "second_contact")
    stage.settle()
    ((_, mail),) = stage.mails.sent
    assert mail.recipient == "boss@juniper.example"
    assert str(mail.message["To"]) == "boss@juniper.example"
    assert message(stage, message_id)["state"] is MessageState.SENT


def test_who_is_kept_here_goes_before_the_metadata_and_may_be_forgotten(
    quick_stage: Stage, fake: Fake
) -> None:
    stage = quick_stage
    open_to(stage, fake)
    robin = stage.fails("lost_card")
    recovery = stage.recovery(robin).id
    customer = f"/v1/customers/{robin['customer']}"
    stage.merchant("POST", customer, **{"metadata[billing_contact]": "old@juniper.example"})
    assert contacting.keep(stage.house, recovery, SECOND, "Boss <new@juniper.example>", by="Sam").done
    assert contacting.kept(stage.house, recovery).second_contact == "new@juniper.example"
    step_by(stage, robin, "email", "second_contact")
    stage.settle()
    assert [mail.recipient for _, mail in stage.mails.sent] == ["new@juniper.example"]
    assert contacting.keep(stage.house, recovery, SECOND, "", by="Sam").sentence == contacting.GONE
    assert not contacting.keep(stage.house, recovery, SECOND, "a@b, c@d", by="Sam").done
    assert not contacting.keep(stage.house, recovery, SMS, "07700 900123", by="Sam").done
    assert "The customer's second contact was set." in stage.sentences(robin)


@pytest.mark.parametrize("own", [False, True])
def test_a_second_contact_that_is_none_is_not_written_to(
    quick_stage: Stage, fake: Fake, *, own: bool
) -> None:
    stage = quick_stage
    open_to(stage, fake)
    robin = stage.fails("lost_card")
    if own:
        address = stage.sandbox.world.tables["customers"][robin["customer"]]["email"].upper()
        contacting.keep(stage.house, stage.recovery(robin).id, SECOND, address, by="Sam")
    message_id = step_by(stage, robin, "email", "second_contact")
    stage.settle()
    said = recipients.OWN_ADDRESS if own else recipients.NO_SECOND
    assert message(stage, message_id)["note"] == said
    assert stage.mails.sent == []


@pytest.mark.parametrize("channel", ["in_app", "call"])
def test_what_needs_no_provider_is_sent_by_being_there(quick_stage: Stage, fake: Fake, channel: str) -> None:
    stage = quick_stage
    open_to(stage, fake)
    robin = stage.fails("lost_card")
    message_id = step_by(stage, robin, channel)
    stage.settle()
    row = message(stage, message_id)
    assert row["state"] is MessageState.SENT
    assert row["body_text"]
    assert (stage.mails.sent, fake.got) == ([], [])


def test_a_call_is_announced_to_staff(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    open_to(stage, fake)
    listening.add(stage.house, "slack", by="test")
    robin = stage.fails("lost_card")
    step_by(stage, robin, "call")
    stage.settle()
    (got,) = fake.got
    assert got.json["text"].startswith("Needs a person: ")
    assert "Call the customer" in got.json["text"]


def test_a_step_by_webhook_is_the_announcement_with_its_words(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    open_to(stage, fake)
    robin = stage.fails("lost_card")
    message_id = step_by(stage, robin, "webhook")
    stage.settle()
    assert message(stage, message_id)["note"] == recipients.NOBODY_LISTENS
    listening.add(stage.house, f"{fake.url}/in", by="test", topics=["message.sent"])
    jay = stage.fails("lost_card", email="jay@example.com")
    message_id = step_by(stage, jay, "webhook")
    stage.settle()
    (got,) = fake.got
    told = got.json["data"]["message"]
    assert (told["id"], told["channel"], told["step"]) == (message_id, "webhook", "first")
    assert "/pay/" in told["text"]
