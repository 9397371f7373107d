"""The built-in outbox."""

from dunning.mail.compose import compose
from dunning.mail.outbox import Outbox
from dunning.mail.provider import Mailer, Outgoing
from dunning.mail.render import Rendered


def test_the_outbox_accepts_a_message_and_gives_it_to_the_keeper_once() -> None:
    kept: list[Outgoing] = []
    mailer: Mailer = Outbox(kept.append)
    message = compose(
        Rendered("s", "", "t", "<p>h</p>"), message_id_local="msg_1", sender="a@acme.test",
        recipient="b@x.test", domain="acme.test",
    )  # fmt: skip
    outgoing = Outgoing(message, "b@x.test", "msg_1", "s", "t", "<p>h</p>")
    assert mailer.send(outgoing).reference == "<msg_1@acme.test>"
    assert kept == [outgoing]


def test_an_outgoing_message_shows_no_text_when_it_is_printed() -> None:
    message = compose(
        Rendered("private", "", "private", "private"), message_id_local="m", sender="a@acme.test",
        recipient="b@x.test", domain="acme.test",
    )  # fmt: skip
    assert "private" not in repr(Outgoing(message, "b@x.test", "m", "private", "private", "private"))
