"""The pages about mail: texts, look, approvals, addresses left alone; without a script."""

from collections.abc import Iterator

import pytest
from browser.house import BASE, front_of
from browser.seed import NOW
from mail.test_http import SUBJECT
from sqlalchemy import insert, select, update
from starlette.testclient import TestClient
from web.test_pages import NASTY, Desk, sit_down

from dunning.core.vocabulary import MessageState
from dunning.flows import wording
from dunning.mail.outbox import Outbox
from dunning.mail.provider import OutgoingMail
from dunning.store import mail_texts, suppressions
from dunning.store.tables import messages, notices

TEXTS = "/messages/texts"
FAILED = f"{TEXTS}/payment_failed"
MINE = (
    '---\nsubject: Ours, {{ customer.name }}\npreheader: p\n---\n{% include "facts" %}\n\n[Pay]({{ link }})\n'
)


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    found = sit_down(database_url)
    yield found
    found.house.store.engine.dispose()


@pytest.fixture
def quick_desk(sqlite_url: str) -> Iterator[Desk]:
    found = sit_down(sqlite_url)
    yield found
    found.house.store.engine.dispose()


def edit(desk: Desk, source: str, do: str = "publish", status: int = 200, **more: str) -> str:
    answer = desk.browser.post(FAILED, data={"source": source, "do": do, "language": "fr"} | more)
    assert answer.status_code == status, answer.text
    return answer.text


def test_a_text_of_ones_own_is_published_shown_and_taken_back(desk: Desk) -> None:
    assert "Payment failed" in desk.see(TEXTS)
    assert "nobody has changed it" in desk.see(f"{FAILED}?language=fr")
    assert "Version 1 is in force" in edit(desk, MINE.replace("\n", "\r\n"), note="shorter")
    assert "Nothing changed" in edit(desk, MINE)
    page = desk.see(f"{FAILED}?language=fr")
    assert "Ours, Ana Ferreira" in page
    assert "by admin@juniper.example: shorter" in page
    assert "Montant" in page
    assert "Version 2 is in force" in edit(desk, MINE.replace("Ours", "Again ours"))
    assert "Version 3 is in force" in desk.press(f"{FAILED}/back", language="fr", version="1")
    assert "Ours, Ana Ferreira" in desk.see(f"{FAILED}?language=fr")
    assert "Version 4 is in force" in desk.press(f"{FAILED}/back", language="fr", version="0")
    assert "n'a pas abouti" in desk.see(f"{FAILED}?language=fr")
    with desk.house.store.read() as connection:
        assert [row["version"] for row in mail_texts.history(connection, "payment_failed", "fr")] == [
            4,
            3,
            2,
            1,
        ]


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            MINE.replace("customer.name", "custmer.name"),
            "Line 2: unknown variable `custmer.name`; did you mean",
        ),
        (MINE + "\n{% for x in y %}{% endfor %}", "Line 9: a `for` loop is not available"),
        (MINE.replace("facts", "fact"), "Line 5: no piece of ours has that name; did you mean `facts`?"),
        (MINE.replace("preheader: p", "bcc: x"), "Line 3: expected one of subject, preheader, why"),
        ("hello", "Line 1: begin with `---`"),
    ],
)
def test_a_text_with_a_mistake_is_not_published_and_the_line_is_named(
    quick_desk: Desk, source: str, told: str
) -> None:
    page = edit(quick_desk, source, status=422)
    assert told in page
    assert "Mend the text first" in page
    with quick_desk.house.store.read() as connection:
        assert mail_texts.newest(connection, "payment_failed") == {}


def test_a_preview_shows_what_is_not_published_on_any_sample_in_any_width_and_scheme(
    quick_desk: Desk,
) -> None:
    page = edit(quick_desk, MINE, "preview", sample="yen", width="phone", scheme="dark")
    assert "Ours, 山田 太郎" in page
    assert 'class="mail phone"' in page
    assert "@media all" in page
    assert "prefers-color-scheme" not in page
    assert "@media not all" in edit(quick_desk, MINE, "preview", sample="right to left")
    assert "Nobody" not in quick_desk.see(f"{FAILED}?language=fr&sample=yen")
    assert "There is no sample" in quick_desk.see(f"{FAILED}?language=fr&sample=nobody")
    assert "There is no template nothing" in quick_desk.see(f"{TEXTS}/nothing", 400)
    quick_desk.see(f"{TEXTS}/..%2f..", 404)


def test_nothing_typed_becomes_markup_of_the_page(quick_desk: Desk) -> None:
    answer = quick_desk.browser.post(FAILED, data={"source": f"</textarea>{NASTY}", "language": "fr"})
    assert answer.status_code == 422
    assert "<script>alert" not in answer.text


def test_a_test_is_sent_with_the_facts_of_a_sample(quick_desk: Desk) -> None:
    kept: list[OutgoingMail] = []
    object.__setattr__(quick_desk.house, "mailer", Outbox(kept.append))
    quick_desk.press("/messages/look", from_name="Juniper", reply_to="help@juniper.example")
    page = quick_desk.press(f"{FAILED}/test", language="de", sample="yen", to="kim@juniper.example")
    assert "it was kept" in page
    (mail,) = kept
    assert mail.subject.startswith("[Test] Ihre Zahlung")
    assert "4.900" in mail.text
    assert mail.message["Reply-To"] == "help@juniper.example"
    assert str(mail.message["From"]).startswith("Juniper <")
    assert "List-Unsubscribe" not in mail.message
    refused = quick_desk.press(f"{FAILED}/test", language="de", sample="yen", to="a@b\r\nBcc: c@d")
    assert "It was not sent" in refused
    assert len(kept) == 1


def test_the_look_is_checked_and_each_version_kept(desk: Desk) -> None:
    page = desk.press("/messages/look", colour="#ffee00")
    assert "too light for a link on white" in page
    assert "Version 1 is in force" in desk.press(
        "/messages/look", colour="#0b6b4f", tone="plain", name="Juniper"
    )
    assert "Nothing changed" in desk.press("/messages/look", colour="#0b6b4f", tone="plain", name="Juniper")
    page = desk.see(f"{FAILED}?language=en")
    assert "background-color: #0b6b4f" in page
    assert "# Payment failed" in page
    with desk.house.store.read() as connection:
        assert wording.look_of(connection).name == "Juniper"


def test_a_waiting_message_is_seen_approved_and_refused(desk: Desk) -> None:
    with desk.house.store.write() as connection:
        ids = list(connection.execute(select(messages.c.id).order_by(messages.c.id).limit(2)).scalars())
        wait = {
            "state": MessageState.PLANNED, "awaits_since": desk.house.clock.now(), "sent_at": None,
            "subject": SUBJECT, "body_text": "t", "body_html": "<p>t</p>", "address": "ana@x.test",
            "ring_at": None,
        }  # fmt: skip
        connection.execute(update(messages).where(messages.c.id.in_(ids)).values(wait))
    page = desk.see("/messages")
    assert page.count(SUBJECT) == 2
    assert "Approved" in desk.press(f"/messages/{ids[0]}/approve")
    assert "will not go out" in desk.press(f"/messages/{ids[1]}/refuse", reason="a friend")
    assert "waits for nobody" in desk.press(f"/messages/{ids[0]}/approve")
    assert "No message waits" in desk.see("/messages")


def test_messages_of_unknown_fate_are_listed(quick_desk: Desk) -> None:
    with quick_desk.house.store.write() as connection:
        one = connection.execute(select(messages.c.id).limit(1)).scalar_one()
        unknown = {"state": MessageState.UNKNOWN, "sent_at": None, "subject": SUBJECT, "note": "no answer"}
        connection.execute(update(messages).where(messages.c.id == one).values(unknown))
    page = quick_desk.see("/messages?tab=unknown")
    assert SUBJECT in page
    assert "never sent again" in page


def test_notices_of_unknown_fate_are_listed_beside_messages(quick_desk: Desk) -> None:
    notice = {"id": "ntc_1", "account_id": "self", "livemode": False, "kind": "card_expiring"}
    notice |= {"about": "card_1", "customer_id": "cus_1", "state": MessageState.UNKNOWN, "note": NASTY}
    notice |= {"due_at": NOW, "renews_at": NOW, "address": "ana@x.test", "fence": 0}
    with quick_desk.house.store.write() as connection:
        connection.execute(insert(notices).values(**notice))
    page = quick_desk.see("/messages?tab=unknown")
    assert "Card expiring" in page
    assert "ana@x.test" in page
    assert "(a notice)" in page
    assert NASTY not in quick_desk.browser.get("/messages?tab=unknown").text


def test_an_address_is_left_alone_and_released(quick_desk: Desk) -> None:
    page = quick_desk.press("/messages/suppressed", address="Ana@X.test", reason="asked us to")
    assert "ana@x.test" in page
    assert "asked us to" in page
    assert "is on the list already" in quick_desk.press("/messages/suppressed", address="ana@x.test")
    assert "neither an address nor a number" in quick_desk.press("/messages/suppressed", address="nobody")
    page = quick_desk.press("/messages/suppressed/release", address="ana@x.test")
    assert "Nobody is left alone" in page
    assert "ana@x.test" in quick_desk.see("/messages/suppressed?released=yes")


def test_friendly_notices_are_switched_off_by_one_post_and_never_by_a_get(quick_desk: Desk) -> None:
    url = wording.unsubscribe_url(quick_desk.house, "Ana@X.test")
    path = "/" + url.split("/", 3)[3]
    assert "Send me no more" in quick_desk.see(path)

    def off() -> bool:
        with quick_desk.house.store.read() as connection:
            return suppressions.wants_no_notices(connection, "self", "ana@x.test")

    for _ in range(3):  # a scanner that posts without the words of RFC 8058
        quick_desk.browser.head(path)
        assert "Send me no more" in quick_desk.browser.post(path).text
    assert not off()
    for _ in range(3):
        answer = quick_desk.browser.post(path, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    assert off()
    assert "Keine mehr senden" in quick_desk.see(path + "?lang=de")
    assert quick_desk.browser.post(path + "x").status_code == 404
    assert quick_desk.browser.get("/pay/notices/off-YQ.x").status_code == 404


def test_a_provider_reports_from_outside_and_staff_pages_stay_inside(quick_desk: Desk) -> None:
    stranger = TestClient(front_of(quick_desk.house), client=("203.0.113.9", 4000), base_url=BASE)
    assert stranger.post("/webhooks/mail/postmark", json={}).status_code == 404  # none is set up
    for path in ("/messages", TEXTS, "/messages/look", "/messages/suppressed"):
        assert stranger.get(path, follow_redirects=False).headers["location"].startswith("/login")
