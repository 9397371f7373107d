"""Every button and every call of the API that changes something leaves an entry in the audit log."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from browser.house import BASE, LOCAL, MintingStripe, StillDemo, furnish, site_of
from browser.seed import NOW
from sqlalchemy import insert, select, update
from starlette.testclient import TestClient

from dunning.core.campaign import BUILT_IN
from dunning.core.campaign_file import as_toml
from dunning.core.people import Right, Role
from dunning.core.policy import Policy, PolicyVersion
from dunning.core.vocabulary import BulkAction, MessageState, TaskKind, TaskState
from dunning.flows import (
    bulk,
    closing,
    desk,
    giving_up,
    listening,
    people,
    suppressing,
    texts,
    tokens,
    views,
)
from dunning.flows.house import House
from dunning.mail.outbox import Outbox
from dunning.store import audit, tables
from dunning.web.screen import make_screen
from dunning.web.site import routes_of

ME, OTHER = "admin@juniper.example", "ana@juniper.example"
API = "/api/v1/recoveries/"
LATER = (NOW + timedelta(days=4)).isoformat()
DAY = LATER[:10]
WHY = {"why": "a reason"}
CAMPAIGN = as_toml(BUILT_IN).replace('"4d"', '"5d"')
RULES = '[[rule]]\ncampaign = "standard"\n[rule.when]\ncurrency = "eur"\n'
SEGMENTS = '[[segment]]\nname = "big"\n[segment.when]\ncurrency = "eur"'
HOURS = {"opening": "09:00", "closing": "17:00", "a_day": 1, "a_week": 3, "a_recovery": 9}
# Changes of one recovery by pages, by the API, or by both: the status that it begins in, form and JSON.
OF_RECOVERY: dict[str, tuple[str, dict[str, str] | None, dict[str, Any] | None]] = {
    "retry": ("scheduled", {}, {}),
    "pause": ("scheduled", {"until": DAY, **WHY}, {"until": LATER, **WHY}),
    "resume": ("paused", {}, {}),
    "stop": ("scheduled", {}, {}),
    "cancel": ("scheduled", {}, {}),
    "link": ("any", {}, {}),
    "assign": ("any", {"to": "bo"}, {"to": "bo"}),
    "snooze": ("any", {"until": DAY, **WHY}, {"until": LATER, **WHY}),
    "wake": ("snoozed", {}, {}),
    "promise": ("any", {"until": DAY, **WHY}, {"until": LATER, **WHY}),
    "note": ("any", {"text": "Called"}, {"text": "Called"}),
    "undo": ("snoozed", {}, {}),
    "write-off": ("scheduled", {"text": "Bankrupt"}, {"text": "Bankrupt"}),
    "approval": ("asked", {"approve": "true"}, {"approve": True}),
    "paid-elsewhere": ("any", {"text": "By transfer"}, {"text": "By transfer"}),
    "move": ("scheduled", {"campaign": "standard"}, None),
    "contacts": ("any", {"sms": "+447700900123"}, {"sms": "+447700900123"}),
}
OF_HOUSE: dict[str, dict[str, Any]] = {
    "/recoveries/views": {"name": "Big ones", "address": "/recoveries?tab=open"},
    "/recoveries/views/{view_id}/remove": {},
    "/recoveries/bulk/{run_id}/go": {},
    "/api/v1/bulk/{run_id}/go": {},
    "/settings/retries": {"retries": "own"},
    "/settings/messages": {"messages": "off"},
    "/settings/pause": {"reason": "A wrong price"},
    "/settings/resume": {},
    "/settings/holdout": {"retries": "10%", "messages": "0%"},
    "/settings/notices": {"notices": "on"},
    "/settings/segments": {"text": SEGMENTS},
    "/settings/card-rules/row": {"code": "do_not_honor", "decline_class": "soft_funds"},
    "/settings/card-rules/row/back": {"code": "do_not_honor"},
    "/settings/card-rules/budgets": {"network": "visa", "budgets": "10 in 30d"},
    "/settings/people": {"email": "new@juniper.example", "name": "New", "role": "viewer"},
    "/settings/people/link": {"email": OTHER},
    "/settings/people/role": {"email": OTHER, "role": "viewer"},
    "/settings/people/{action}": {"email": OTHER},
    "/settings/tokens": {"name": "nightly", "scope": "read"},
    "/settings/tokens/revoke": {"token": "{token}"},
    "/settings/webhooks": {"target": "mailto:ops@juniper.example"},
    "/settings/webhooks/{listener_id}/rotate": {},
    "/settings/webhooks/{listener_id}/test": {},
    "/settings/webhooks/{listener_id}/redeliver": {},
    "/settings/webhooks/{listener_id}/remove": {},
    "/reports/months/close": {"month": "2027-02"},
    "/reports/months/reopen": {"month": "2027-02", "why": "A late refund"},
    "/campaigns/-/ready-made": {},
    "/campaigns/-/rules": {"text": RULES},
    "/campaigns/-/hours": HOURS,
    "/campaigns/{key}/draft": {"text": CAMPAIGN, "do": "publish"},
    "/tasks/{task_id}": {"note": "They will pay"},
    "/messages/{message_id}/approve": {},
    "/messages/{message_id}/refuse": {"reason": "Too harsh"},
    "/messages/look": {"name": "Juniper"},
    "/messages/suppressed": {"address": "leave@alone.example"},
    "/messages/suppressed/release": {"address": "gone@alone.example"},
    "/messages/texts/{template}": {"language": "en", "source": "{text}", "do": "publish"},
    "/messages/texts/{template}/back": {"language": "fr", "version": 0},
    "/messages/texts/{template}/test": {"language": "en", "sample": "usual", "to": OTHER},
}
LAST = {
    "/settings/people/{action}": 1,
    "/settings/tokens/revoke": 1,
    "/settings/webhooks/{listener_id}/remove": 1,
    "/settings/card-rules/row/back": 1,
}
RAW = frozenset({"text", "source"} - {"source"})
PILES = ("waiting", "scheduled")
LARGE = PolicyVersion(Policy(second_approval_from=1)).dumps()
# What changes nothing that is kept, or has its entry seen elsewhere.
ELSEWHERE = {
    "/api/v1/customers/{customer_id}/usage": "tests/web/test_api_usage.py",
    "/recoveries/{recovery_id}/conclude": "tests/scenarios/test_not_known.py",
    "/settings/jobs": "tests/web/test_jobs.py",
    "/settings/data/export": "tests/web/test_personal_data.py",
    "/settings/data/look": "only looks",
    "/settings/data/erase": "tests/web/test_personal_data.py",
    "/api/v1/customers/{customer_id}/erasure": "tests/web/test_personal_data.py",
    "/api/v1/schedule": "answers, and changes nothing",
    "/demo/{action}": "turns the clock of the demo, where nobody works",
    "/recoveries/bulk": "says what would be done; the going is entered",
    "/api/v1/bulk": "says what would be done; the going is entered",
    **dict.fromkeys(
        (
            "/api/v1/switches",
            "/api/v1/switches/pause",
            "/api/v1/switches/resume",
            "/api/v1/months/{month}/close",
            "/api/v1/months/{month}/reopen",
            "/api/v1/people",
            "/api/v1/people/{email}",
            "/api/v1/people/{email}/link",
            "/api/v1/tokens",
            "/api/v1/tokens/{token_id}/revoke",
            "/api/v1/views",
            "/api/v1/views/{view_id}/remove",
            "/api/v1/tasks/{task_id}/done",
            "/api/v1/recoveries/{recovery_id}/move",
        ),
        "tests/web/test_api_house.py; the flows are those of the pages",
    ),
    "/account/language": "tests/web/test_staff_tongues.py",
    "/account/zone": "tests/web/test_pages_zone.py",
    "/account/password": "tests/web/test_signing_in.py signs in with the new one",
    "/account/sessions/end": "tests/web/test_signing_in.py",
    "/logout": "tests/web/test_signing_in.py; it would end this walk",
}


class Told(MintingStripe):
    """A Stripe that believes what it is told."""

    def mark_paid(self, *_: Any, **__: Any) -> None:
        pass


@dataclass
class Walk:
    """A house, its site as an admin sees it, and what the changes are made to."""

    house: House
    http: TestClient
    names: dict[str, str]
    free: dict[str, list[str]]

    def entered(self) -> int:
        with self.house.store.read() as connection:
            return audit.count(connection)

    def recovery(self, status: str) -> str:
        """Return a recovery that nothing was done to yet, in a status or after what was done to it."""
        found = next(self.free[one] for one in (status, *PILES) if self.free.get(one)).pop()
        until = NOW + timedelta(days=2)
        if status == "snoozed":
            desk.snooze(self.house, found, until=until, why="wait", by=OTHER)
        if status == "asked":
            policies = update(tables.policies).values(definition=LARGE)
            with self.house.store.write() as connection:
                connection.execute(policies)
            assert "second person" in giving_up.write_off(self.house, found, why="Lost", by=OTHER).sentence
        return found


@pytest.fixture
def walk(sqlite_url: str) -> Iterator[Walk]:
    house, _ = furnish(sqlite_url, recoveries=100)
    house = replace(house, stripe=Told(), mailer=Outbox(lambda *_: None))
    query = select(tables.recoveries.c.id, tables.recoveries.c.status).where(
        tables.recoveries.c.closed_at.is_(None)
    )
    free: dict[str, list[str]] = {}
    with house.store.read() as connection:
        for recovery_id, status in connection.execute(query):
            free.setdefault(status, []).append(recovery_id)
    http = TestClient(site_of(house, StillDemo()), client=LOCAL, base_url=BASE, follow_redirects=False)
    found = Walk(house, http, {}, free)
    found.names = prepared(found)
    yield found
    house.store.engine.dispose()


def prepared(walk: Walk) -> dict[str, str]:
    """Make what can be changed, and return its ids by their names in the routes."""
    house = walk.house
    people.add(house, email=OTHER, name="Ana", role=Role.STAFF, by=ME)
    token, _ = tokens.create(house, name="old", scopes=[Right.READ], by=ME)
    listener = listening.add(house, "https://listener.example/", by=ME).id
    suppressing.suppress(house, "gone@alone.example", why="asked", by=ME)
    closing.close(house, "2027-01", by=ME)
    text = texts.text_of(house, "payment_failed", "en").source
    texts.publish(house, "payment_failed", "fr", text, by=ME)
    views.save(house, "mine", "tab=mine", by=ME)
    with house.store.write() as connection:
        view = connection.execute(select(tables.saved_views.c.id)).scalar_one()
        messages = tables.messages.c
        waits = {"state": MessageState.PLANNED, "awaits_since": NOW, "sent_at": None, "ring_at": None}
        waits |= {"subject": "s", "body_text": "t", "body_html": "h", "address": "ana@x.test"}
        rows = connection.execute(select(messages.id, messages.recovery_id).limit(2)).all()
        connection.execute(
            update(tables.messages).where(messages.id.in_([row.id for row in rows])).values(waits)
        )
        task = {"id": "task_1", "account_id": "self", "livemode": False, "recovery_id": rows[0].recovery_id}
        task |= {"message_id": rows[0].id, "kind": TaskKind.CALL, "what": "Ring.", "state": TaskState.OPEN}
        connection.execute(insert(tables.staff_tasks).values(**task, due_at=NOW))
    return {
        "view_id": view,
        "listener_id": listener,
        "task_id": "task_1",
        "message_id": rows[0].id,
        "template": "payment_failed",
        "key": "standard",
        "action": "disable",
        "token": token,
        "text": text.replace("payment", "charge"),
    }


def test_whatever_a_person_or_a_program_changes_is_entered(walk: Walk) -> None:
    silent, left = (
        [],
        {
            one.path
            for one in routes_of(make_screen(walk.house, StillDemo()))
            if one.rights and one.method in {"POST", "PUT", "PATCH", "DELETE"}
        },
    )
    for path, form in sorted(OF_HOUSE.items(), key=lambda one: LAST.get(one[0], 0)):
        left.remove(path)
        if "bulk" in path:
            to = {"to": path}
            walk.names["run_id"] = bulk.show(walk.house, BulkAction.ASSIGN, to, walk.free["watching"], by=ME)
        given = {
            name: value.format(**walk.names) if isinstance(value, str) and name not in RAW else value
            for name, value in form.items()
        }
        silent += press(walk, path.format(**walk.names), data=given)
        if path.endswith("/approve"):
            with walk.house.store.read() as connection:
                waiting = select(tables.messages.c.id).where(tables.messages.c.awaits_since.is_not(None))
                walk.names["message_id"] = connection.execute(waiting).scalar_one()
    for name, (status, form, body) in OF_RECOVERY.items():
        for prefix, how in (("/recoveries/", {"data": form}), (API, {"json": body})):
            if next(iter(how.values())) is not None:
                left.remove(f"{prefix}{{recovery_id}}/{name}")
                silent += press(walk, f"{prefix}{walk.recovery(status)}/{name}", **how)
    assert silent == []
    assert left == set(ELSEWHERE)
    with walk.house.store.read() as connection:
        assert audit.broken(connection) is None


def press(walk: Walk, path: str, **how: Any) -> list[str]:
    """Ask for a change; return what came back when no entry, or one without what is now, was made."""
    before = walk.entered()
    answer = walk.http.post(path, **how)
    assert answer.status_code < 400, f"{path}: {answer.text}"
    with walk.house.store.read() as connection:
        newest = audit.page(connection, limit=1)[0]
    if walk.entered() == before or newest["actor"] != ME:
        return [f"{path}: {answer.headers.get('location', answer.status_code)}"]
    return []
