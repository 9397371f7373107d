"""The card rules on the Settings pages, without a script."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from browser.seed import NOW
from sqlalchemy import insert, select, update
from web.test_pages import Desk, sit_down

from dunning.core.card_rules_file import read
from dunning.flows import card_rules
from dunning.store import tables

PAGE = "/settings/card-rules"
PRE = '<pre class="text">'


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


def publish(desk: Desk, **row: str) -> str:
    return desk.press(f"{PAGE}/row", **({"code": "do_not_honor", "decline_class": "soft_funds"} | row))


def test_a_row_is_overridden_and_taken_back_and_each_version_stays_on_the_page(desk: Desk) -> None:
    assert "as built in" in desk.see("/settings")
    page = publish(desk, retries="3", words="An empty account, <most> often.")
    assert "Published version 1" in page
    assert "An empty account, <most> often." in page
    assert "retry, 3 times at most" in page
    assert "version 1" in desk.see("/settings")
    assert "Published version 2" in desk.press(f"{PAGE}/row/back", code="do_not_honor")
    page = desk.see(PAGE)
    assert "Version 1" in page
    assert "Version 2" in page
    assert 'class = "soft_funds"' in page
    assert "by admin@juniper.example" in page
    assert card_rules.in_force(desk.house).table.overridden == set()


def test_the_form_shows_the_row_that_a_link_asks_for(quick_desk: Desk) -> None:
    publish(quick_desk, retries="3")
    page = quick_desk.see(f"{PAGE}?code=do_not_honor")
    assert 'value="do_not_honor" list="codes"' in page
    assert '<option value="soft_funds" selected>' in page
    assert 'name="retries" type="number" min="0" max="20" value="3"' in page
    nobody = quick_desk.see(f"{PAGE}?code=<script>")
    assert '<input name="code" required maxlength="64" value="<script>"' in nobody


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"code": "lost_card"}, "lost_card is final"),
        ({"code": "Do not honor"}, "must be a code as Stripe spells it"),
        ({"decline_class": "soft"}, "must be one of soft_funds"),
        ({"retries": "many"}, "must be a whole number from 0 to 20"),
        ({"retries": "21"}, "must be a whole number from 0 to 20"),
        ({"decline_class": "hard", "retries": "1"}, "must be 0 or left out"),
        ({"words": "x" * 301}, "must be a text of 1 to 300 characters"),
    ],
)
def test_what_cannot_be_meant_is_told_in_a_sentence_and_publishes_nothing(
    quick_desk: Desk, row: dict[str, str], told: str
) -> None:
    page = publish(quick_desk, **row)
    assert "Nothing was published" in page
    assert told in page
    assert card_rules.in_force(quick_desk.house).version == 0


def test_a_budget_is_set_and_set_back(quick_desk: Desk) -> None:
    assert "Published version 1" in quick_desk.press(f"{PAGE}/budgets", network="visa", budgets="20 in 30d")
    assert "Visa: 20 in 30d" in quick_desk.see(PAGE)
    page = quick_desk.press(f"{PAGE}/budgets", network="visa", budgets="20 a month")
    assert "must be written like" in page
    assert "Published version 2" in quick_desk.press(f"{PAGE}/budgets", network="visa", budgets="")
    assert "Nothing changed" in quick_desk.press(f"{PAGE}/budgets", network="visa", budgets="")
    rules = card_rules.in_force(quick_desk.house)
    assert (rules.version, rules.document) == (2, {})


def test_there_is_nothing_to_take_back_of_a_built_in_row(quick_desk: Desk) -> None:
    assert "no row of your own" in quick_desk.press(f"{PAGE}/row/back", code="do_not_honor")


def test_a_code_that_nobody_has_described_is_on_the_settings_page_with_its_count(quick_desk: Desk) -> None:
    with quick_desk.house.store.write() as connection:
        ids = connection.execute(select(tables.attempts.c.id)).scalars().all()[:2]
        chosen = update(tables.attempts).where(tables.attempts.c.id.in_(ids))
        connection.execute(chosen.values(state="declined", decline_code="martian_bank"))
    page = quick_desk.see("/settings")
    assert "<code>martian_bank</code> (decline code, 2 ×)" in page
    assert f'<a href="{PAGE}?code=martian_bank#row">martian_bank</a>' in quick_desk.see(PAGE)
    publish(quick_desk, code="martian_bank")
    assert "martian_bank</code>" not in quick_desk.see("/settings")


def test_the_recovery_shows_the_budget_of_its_card_and_what_was_withheld(desk: Desk) -> None:
    recovery_id = desk.one("scheduled")
    row = tables.recoveries.c
    with desk.house.store.write() as connection:
        found = connection.execute(select(row.card_id).where(row.id == recovery_id)).scalar_one()
        card = update(tables.cards).where(tables.cards.c.id == found)
        connection.execute(card.values(fingerprint="fp_one", brand="visa", type="card"))
        tried = update(tables.attempts).where(tables.attempts.c.recovery_id == recovery_id)
        connection.execute(tried.values(fingerprint="fp_one", brand="visa", at=NOW - timedelta(days=1)))
        count = connection.execute(
            select(tables.attempts.c.id).where(tables.attempts.c.recovery_id == recovery_id)
        ).all()
        withheld = {"recovery_id": recovery_id, "account_id": "self", "livemode": False, "at": NOW}
        withheld |= {"cause": "budget", "network": "visa", "rules_version": 0}
        connection.execute(insert(tables.withheld), [withheld | {"after": "a"}, withheld | {"after": "b"}])
    page = desk.see(f"/recoveries/{recovery_id}")
    assert "In 30 days" in page
    assert f"{len(count)} of 15 tries used" in page
    assert "Attempts withheld by the network’s budget for the card: 2. Fees avoided: about $0.20." in page
    told = desk.browser.get(f"/api/v1/recoveries/{recovery_id}").json()
    assert told["withheld"] == 2
    assert told["card_budget"] == [
        {"network": "visa", "limit": 15, "window_hours": 720, "used": len(count), "free_at": None}
    ]
    settings = desk.see("/settings")
    assert "Attempts withheld by the networks’ rules: 2. Fees avoided: about $0.20." in settings
    assert "counted once for each refusal" in desk.see(PAGE)


def test_what_the_versions_show_can_be_published_again(quick_desk: Desk) -> None:
    publish(quick_desk, words='A "quoted" \\ word')
    page = quick_desk.see(PAGE)
    text = page[page.index(PRE) + len(PRE) : page.index("</pre>")]
    document, problems = read(text)
    assert problems == []
    assert document == card_rules.in_force(quick_desk.house).document


def test_a_refusal_is_told_in_the_words_of_the_version_that_read_it(quick_desk: Desk) -> None:
    publish(quick_desk, words="An empty account, says Ada.")
    publish(quick_desk, words="A whim of the bank, says Ben.")
    recovery_id = quick_desk.one("lost")
    column = tables.attempts.c
    with quick_desk.house.store.write() as connection:
        query = select(column.id).where(column.recovery_id == recovery_id).order_by(column.at)
        first, *_, last = connection.execute(query).scalars()
        for attempt_id, version in ((first, 1), (last, 2)):
            read_by = {
                "rules_version": version,
                "decline_class": "soft_funds",
                "decline_code": "do_not_honor",
            }
            connection.execute(update(tables.attempts).where(column.id == attempt_id).values(**read_by))
        failed = update(tables.recoveries).where(tables.recoveries.c.id == recovery_id)
        connection.execute(failed.values(decline_code="do_not_honor", decline_class="soft_funds"))
    page = quick_desk.see(f"/recoveries/{recovery_id}")
    assert page.count("An empty account, says Ada.") == 1
    assert page.count("A whim of the bank, says Ben.") == 2
    assert "read by version 2 of the" in page
