"""Whatever dies between the claim, the provider and the record: no step's mail is ever accepted twice.

Over real connections: an SMTP server, and providers over HTTP with and without idempotency keys.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from flows.stopping import steps
from mail.fake_provider import a_provider, breaks_off_after_taking, breaks_off_before_taking
from mail.test_smtp import Inbox, server
from scenarios.stage import Stage

from dunning.core.vocabulary import MessageState
from dunning.flows import messaging, sending
from dunning.flows.driver import run
from dunning.mail.http import HttpMailer
from dunning.mail.provider import Mailer
from dunning.mail.requests import WIRES
from dunning.mail.smtp import SmtpMailer, SmtpServer
from dunning.store import messages
from dunning.store.tables import messages as table

Accepted = Callable[[], int]


@contextmanager
def a_mailer(name: str) -> Iterator[tuple[Mailer, Accepted, list[Any]]]:
    """Run a server; return a mailer to it, how many mails it accepted, and what it is told to answer."""
    if name == "smtp":
        inbox = Inbox()
        with server(inbox) as port:
            yield (
                SmtpMailer(SmtpServer("127.0.0.1", port, tls="off", timeout=5)),
                lambda: len(inbox.taken),
                [],
            )
    else:
        with a_provider(id="ref", MessageID="ref") as provider:
            mailer = HttpMailer(name, WIRES[name], "key", domain="x.test", base=provider.url, timeout=5)
            yield mailer, lambda: len(provider.accepted), provider.answers


def due(stage: Stage, mailer: Mailer) -> tuple[dict[str, Any], str]:
    """Return a customer at the instant when the first notice is due and written, and the message's id."""
    stage.house = replace(stage.house, mailer=mailer)
    robin = stage.fails("lost_card")
    first = next(row for row in stage.rows("messages", robin) if row["step"] == "first")
    stage.clock.advance_to(first["due_at"])
    run(messaging.write(stage.house, first["id"]))
    return robin, first["id"]


def kept(stage: Stage, message_id: str) -> Any:
    with stage.house.store.read() as connection:
        return connection.execute(table.select().where(table.c.id == message_id)).one()


def listed(stage: Stage) -> list[str]:
    with stage.house.store.read() as connection:
        return [row["id"] for row in messages.in_state(connection, MessageState.UNKNOWN)]


@pytest.mark.parametrize("name", ["smtp", "postmark", "resend"])
@pytest.mark.parametrize("done", [1, 2])
def test_a_sender_that_dies_leaves_one_mail_at_most_and_is_listed(
    quick_stage: Stage, name: str, done: int
) -> None:
    stage = quick_stage
    with a_mailer(name) as (mailer, accepted, _):
        _, message_id = due(stage, mailer)
        for step in steps(sending.send(stage.house, message_id))[:done]:
            step()  # the claim, and the handing-over; the record is never made
        assert accepted() == done - 1
        stage.pass_time(minutes=5)
        assert kept(stage, message_id).state is MessageState.UNKNOWN
        assert listed(stage) == [message_id]
        stage.pass_time(hours=20)
        run(messaging.write(stage.house, message_id))
        run(sending.send(stage.house, message_id))
        assert accepted() == done - 1


@pytest.mark.parametrize("name", ["postmark", "resend", "brevo"])
@pytest.mark.parametrize("answer", [breaks_off_after_taking, breaks_off_before_taking])
def test_a_provider_that_breaks_off_accepts_one_mail_at_most(
    quick_stage: Stage, name: str, answer: Any
) -> None:
    stage = quick_stage
    with a_mailer(name) as (mailer, accepted, answers):
        _, message_id = due(stage, mailer)
        answers.append(answer)
        run(sending.send(stage.house, message_id))
        stage.pass_time(hours=20)
        assert accepted() <= 1
        found = kept(stage, message_id)
        if WIRES[name].keyed:  # asked again at once, under the same key
            assert (found.state, accepted()) == (MessageState.SENT, 1)
        else:
            assert found.state is MessageState.UNKNOWN
            assert listed(stage) == [message_id]


def test_what_the_provider_calls_the_message_is_kept(stage: Stage) -> None:
    with a_mailer("postmark") as (mailer, _, _):
        _, message_id = due(stage, mailer)
        run(sending.send(stage.house, message_id))
        found = kept(stage, message_id)
    assert (found.state, found.provider, found.reference) == (MessageState.SENT, "postmark", "ref")


def test_a_step_whose_channel_nobody_set_up_fails_and_says_so(quick_stage: Stage) -> None:
    stage = quick_stage
    with a_mailer("smtp") as (mailer, accepted, _):
        _, message_id = due(stage, mailer)
        with stage.house.store.write() as connection:
            connection.execute(table.update().where(table.c.id == message_id).values(channel="sms"))
        run(sending.send(stage.house, message_id))
        found = kept(stage, message_id)
        assert (found.state, found.note) == (MessageState.FAILED, "The channel sms is not set up.")
        assert accepted() == 0


@pytest.mark.parametrize("recorded", [True, False])
def test_a_mail_that_was_on_its_way_when_the_recovery_closed_left_before_it(
    stage: Stage, *, recorded: bool
) -> None:
    """The last look is what the law can ask for: nobody can call back what is in the provider's hands."""
    with a_mailer("smtp") as (mailer, accepted, _):
        robin, message_id = due(stage, mailer)
        looked_at = stage.clock.now()
        claim, give, record = steps(sending.send(stage.house, message_id))[:3]
        claim()
        give()
        stage.pass_time(seconds=1)
        stage.pays_out_of_band(robin)
        stage.pass_time(seconds=30 if recorded else 300)
        closed_at = stage.recovery(robin).closed_at
        if recorded:
            record()
        with stage.house.store.write() as connection:  # where it died instead, the provider speaks of it
            messages.settle_unknown(connection, message_id, sent_at=stage.clock.now(), note=None)
        found = kept(stage, message_id)
    assert (accepted(), found.state) == (1, MessageState.SENT)
    assert looked_at <= found.sent_at <= closed_at
    assert stage.laws_broken() == {}
