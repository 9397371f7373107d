"""Composed messages: standard, repeatable, and closed to header injection."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default as parsing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunning.mail.compose import compose
from dunning.mail.render import Rendered

RENDERED = Rendered(
    subject="Ihre Zahlung an Café Wacholder – eine Erinnerung, so lang, dass sie umbrochen wird",
    preheader="p",
    text="Grüße, 東京\n.\n" + "x" * 1200,
    html="<p>Grüße</p>",
)
FIXED = {"message_id_local": "msg_01", "sender": "Acme <billing@acme.test>", "domain": "acme.test"}


def test_the_headers_and_both_parts_survive_the_wire() -> None:
    message = compose(
        RENDERED, **FIXED, recipient="ana@example.test", reply_to="help@acme.test",
        date=datetime(2026, 11, 3, 8, 0, tzinfo=UTC),
    )  # fmt: skip
    read = message_from_bytes(message.as_bytes(), policy=parsing)
    assert read["Subject"] == RENDERED.subject
    assert read["From"] == "Acme <billing@acme.test>"
    assert read["To"] == "ana@example.test"
    assert read["Reply-To"] == "help@acme.test"
    assert read["Message-ID"] == "<msg_01@acme.test>"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["X-Entity-Ref-ID"] == "msg_01"
    assert read["Date"] == "Tue, 03 Nov 2026 08:00:00 +0000"
    text, html = read.iter_parts()
    assert text.get_content().splitlines() == RENDERED.text.splitlines()
    assert html.get_content().strip() == RENDERED.html
    assert read.get_content_type() == "multipart/alternative"


def test_the_bytes_are_seven_bit_with_crlf_and_short_lines() -> None:
    content = compose(RENDERED, **FIXED, recipient="ana@example.test").as_bytes()
    assert content.isascii()
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert max(map(len, content.split(b"\r\n"))) <= 78


def test_the_same_message_has_the_same_bytes_and_another_one_others() -> None:
    first = compose(RENDERED, **FIXED, recipient="ana@example.test").as_bytes()
    assert compose(RENDERED, **FIXED, recipient="ana@example.test").as_bytes() == first
    other = compose(RENDERED, **{**FIXED, "message_id_local": "msg_02"}, recipient="ana@example.test")
    assert other.as_bytes() != first


INJECTIONS = [
    "a\nBcc: x@evil.test",
    "a\r\nBcc: x@evil.test",
    "a\rb",
    "a\x00b",
    "a\u2028b",
    "a\x0bb",
    "a\x85b",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_line_break_or_control_character_is_refused_in_every_header(text: str) -> None:
    attempts = [
        {"sender": f"{text} <billing@acme.test>"},
        {"recipient": f"{text} <ana@example.test>"},
        {"recipient": f"ana@example.test{text}"},
        {"reply_to": f"{text} <help@acme.test>"},
        {"domain": f"acme.test{text}"},
        {"message_id_local": f"msg{text}"},
        {"rendered": Rendered(text, "", "", "")},
    ]
    for attempt in attempts:
        arguments = {"rendered": RENDERED, **FIXED, "recipient": "ana@example.test", **attempt}
        with pytest.raises(ValueError, match=r".") as caught:
            compose(**arguments)  # type: ignore[arg-type]
        assert "evil" not in str(caught.value)


@pytest.mark.parametrize(
    "recipient",
    ["", "ana", "a@b@c", "a@x.test, b@x.test", "a@x.test b@x.test", "Group: a@x.test;", "<>", "@x.test", "a@",
     "ä@x.test", "a@x.test, B <b@x.test>", "<a@x.test", "a@x.test>", "a@-x.test", "a@x..test",
     "a@x_y.test", "a@[127.0.0.1]"],
)  # fmt: skip
def test_anything_but_one_plain_address_is_refused(recipient: str) -> None:
    with pytest.raises(ValueError, match="address"):
        compose(RENDERED, **FIXED, recipient=recipient)


def test_an_international_domain_is_written_for_the_mail_system() -> None:
    message = compose(RENDERED, **FIXED, recipient="Änne <ana@bücher.test>")
    assert message["To"].addresses[0].addr_spec == "ana@xn--bcher-kva.test"
    assert message["To"].addresses[0].display_name == "Änne"


def test_a_date_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        compose(RENDERED, **FIXED, recipient="a@x.test", date=datetime(2026, 1, 1))  # noqa: DTZ001 -- the point


@given(name=st.text(max_size=30), subject=st.text(max_size=120))
def test_no_text_adds_a_header(name: str, subject: str) -> None:
    try:
        message = compose(
            Rendered(subject, "", "t", "h"),
            **{**FIXED, "sender": f"{name} <billing@acme.test>"},
            recipient="a@x.test",
        )
    except ValueError:
        return
    expected = ["from", "to", "subject", "message-id", "auto-submitted", "x-entity-ref-id", "content-type",
                "mime-version"]  # fmt: skip
    read = message_from_bytes(message.as_bytes(), policy=parsing)
    assert sorted(key.lower() for key in read) == sorted(expected)
    assert [address.addr_spec for address in read["From"].addresses] == ["billing@acme.test"]


def test_a_friendly_notice_can_be_switched_off_by_one_click_and_no_other_mail() -> None:
    url = "https://pay.acme.test/pay/notices/off-YQ.tag"
    mail = compose(RENDERED, **FIXED, recipient="ana@example.test", unsubscribe=url)
    assert mail["List-Unsubscribe"] == f"<{url}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "List-Unsubscribe" not in compose(RENDERED, **FIXED, recipient="ana@example.test")
    with pytest.raises(ValueError, match="line break"):
        compose(RENDERED, **FIXED, recipient="ana@example.test", unsubscribe="https://x\r\nBcc: a@b.test")
