"""Webhooks and alerts in Settings, further contacts, and the answers that Twilio tells of."""

import base64
import hashlib
import hmac
import html
from collections.abc import Iterator

import pytest
from fake_http import Fake, Reply, fake_http
from flows.outside import open_to
from scenarios.link import no_receiver
from scenarios.stage import Stage
from scenarios.stage_fixtures import quick_stage, switchboard
from signed_in import signed_in
from sqlalchemy import select
from starlette.testclient import TestClient

from dunning.flows import listening
from dunning.store.tables import suppressions
from dunning.web.site import create_site

__all__ = ["quick_stage", "switchboard"]
LOCAL, FAR = ("127.0.0.1", 50000), ("203.0.113.9", 1)
HOME = "/settings/webhooks"


@pytest.fixture
def fake() -> Iterator[Fake]:
    with fake_http() as made:
        yield made


def browser(stage: Stage, client: tuple[str, int] = LOCAL) -> TestClient:
    return TestClient(
        signed_in(create_site(stage.house, no_receiver), stage.house),
        client=client,
        base_url="http://127.0.0.1:8000",
    )


def test_a_webhook_is_added_tried_rotated_repeated_and_removed(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    open_to(stage, fake)
    staff = browser(stage)
    assert "Nobody outside is told anything yet" in staff.get(HOME).text
    added = staff.post(
        HOME, data={"target": f"{fake.url}/in", "topics": ["recovery.opened", "recovery.lost"]}
    )
    (standing,) = listening.standing(stage.house.store)
    found = standing.listener
    (secret,) = listening.secrets(stage.house, found.id)
    assert secret in html.unescape(added.text)
    assert found.topics == ["recovery.lost", "recovery.opened"]
    assert secret not in html.unescape(staff.get(HOME).text)
    stage.fails("insufficient_funds")
    assert "recovery.opened" in staff.get(HOME).text
    assert "It was told: 200" in html.unescape(staff.post(f"{HOME}/{found.id}/test").text)
    fake.answer = lambda _got: Reply(500, text="<script>")
    page = staff.post(f"{HOME}/{found.id}/test").text
    assert "It was not told: 500 <script>" in html.unescape(page)
    assert "<script>" not in page.split("<main")[1]
    assert secret in html.unescape(staff.post(f"{HOME}/{found.id}/rotate").text)
    assert "1 will be told again" in staff.post(f"{HOME}/{found.id}/redeliver").text
    assert "Nobody outside" in staff.post(f"{HOME}/{found.id}/remove").text
    assert "There is no listener" in html.unescape(staff.post(f"{HOME}/{found.id}/test").text)


def test_a_webhook_into_our_own_network_is_refused_on_the_page(quick_stage: Stage) -> None:
    staff = browser(quick_stage)
    page = html.unescape(staff.post(HOME, data={"target": "https://169.254.169.254/latest"}).text)
    assert "where webhooks do not go" in page
    assert listening.standing(quick_stage.house.store) == []


def test_further_contacts_are_kept_on_their_page_and_over_the_api(quick_stage: Stage) -> None:
    stage = quick_stage
    recovery = stage.recovery(stage.fails("lost_card")).id
    staff, page = browser(stage), f"/recoveries/{recovery}/contacts"
    assert page in staff.get(f"/recoveries/{recovery}").text
    saved = staff.post(page, data={"second_contact": "boss@juniper.example", "sms": "+44 7700 900123"})
    assert 'value="boss@juniper.example"' in saved.text
    assert 'value="+447700900123"' in saved.text
    wrong = html.unescape(staff.post(page, data={"second_contact": "", "sms": "07700"}).text)
    assert "country's code" in wrong
    api = f"/api/v1/recoveries/{recovery}/contacts"
    assert staff.get(api).json() == {"second_contact": None, "sms": "+447700900123"}
    assert staff.post(api, json={"sms": ""}).json() == {"second_contact": None, "sms": None}
    assert staff.post(api, json={"second_contact": "a@b c@d"}).status_code == 422
    assert staff.get("/api/v1/recoveries/rec_none/contacts").status_code == 404


def signed(form: dict[str, str]) -> str:
    said = "http://127.0.0.1:8000/webhooks/twilio" + "".join(name + form[name] for name in sorted(form))
    return base64.b64encode(hmac.new(b"token", said.encode(), hashlib.sha1).digest()).decode()


def test_stop_comes_in_from_anywhere_when_twilio_signed_it(quick_stage: Stage, fake: Fake) -> None:
    stage = quick_stage
    open_to(stage, fake)
    twilio, form = browser(stage, FAR), {"From": "+447700900123", "Body": "STOP é", "OptOutType": "STOP"}
    refused = twilio.post("/webhooks/twilio", data=form, headers={"x-twilio-signature": "no"})
    assert refused.status_code == 403
    taken = twilio.post("/webhooks/twilio", data=form, headers={"x-twilio-signature": signed(form)})
    assert (taken.status_code, taken.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert taken.text.endswith("<Response/>")
    with stage.house.store.read() as connection:
        rows = connection.execute(select(suppressions.c.address, suppressions.c.reason)).all()
    assert [tuple(row) for row in rows] == [("+447700900123", "sms_stop")]


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"a=1&" * 500])
def test_a_form_that_is_none_is_refused_and_breaks_nothing(
    quick_stage: Stage, fake: Fake, body: bytes
) -> None:
    open_to(quick_stage, fake)
    headers = {"content-type": "application/x-www-form-urlencoded", "x-twilio-signature": "x"}
    answer = browser(quick_stage, FAR).post("/webhooks/twilio", content=body, headers=headers)
    assert answer.status_code in {400, 403, 422}
