"""The recovered-revenue report on a ledger small enough to add up by hand."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, insert

from dunning.core.policy import Policy
from dunning.flows.report import AMOUNTS, BadPeriod, Basis, GroupBy, Question, recovered_revenue, scope_of
from dunning.store import tables
from dunning.store.engine import open_store
from dunning.store.report import Behind, rows_behind

NOW = datetime(2027, 6, 1, tzinfo=UTC)
WHOSE = {"account_id": "self", "livemode": False}


def at(month: int, day: int, hour: int = 12) -> datetime:
    return datetime(2027, month, day, hour, tzinfo=UTC)


def recovery(
    connection: Connection,
    key: str,
    status: str,
    amount: int,
    failed_at: datetime,
    currency: str = "usd",
    **more: Any,
) -> None:
    row = {
        "id": f"rec_{key}",
        **WHOSE,
        "invoice_id": f"in_{key}",
        "invoice_class": "renewal",
        "retries": "own",
    }
    row |= {"status": status, "amount": amount, "currency": currency, "failed_at": failed_at}
    row |= {"opened_at": failed_at, "deadline": at(12, 1), "decline_class": "soft_funds", "why": "A test."}
    row |= {"policy_version": 1, "campaign_key": "standard", "campaign_version": 1}
    if status in {"recovered", "lost", "stopped"}:
        row |= {"closed_at": failed_at}
    connection.execute(insert(tables.recoveries).values(**(row | more)))


def entry(connection: Connection, key: str, kind: str, amount: int, when: datetime, **more: Any) -> None:
    row = {
        "id": f"led_{key}_{kind}",
        **WHOSE,
        "kind": kind,
        "source_id": f"src_{key}_{kind}",
        "amount": amount,
    }
    row |= {"recovery_id": f"rec_{key}", "invoice_id": f"in_{key}", "currency": "usd", "at": when}
    row |= {"recorded_at": when}
    connection.execute(insert(tables.ledger_entries).values(**(row | more)))


def paid(connection: Connection, key: str, amount: int, when: datetime, reason: str, **more: Any) -> None:
    entry(connection, key, "recovered", amount, when, reason=reason, charge_id=f"ch_{key}", **more)


@pytest.fixture
def books(database_url: str) -> Iterator[Connection]:
    """March: 100 paid in March, 50 paid in April and half refunded in May, 30 lost, 20 stopped, 10 open,
    40 of 45 paid (5 were credited first), 7 EUR paid; April: 60 paid in April and disputed, then won."""
    store = open_store(database_url)
    with store.write() as c:
        rule = {"version": 1, "definition": Policy().dumps(), "published_at": at(1, 1)}
        c.execute(insert(tables.policies).values(**rule))
        recovery(c, "a", "recovered", 10000, at(3, 2), reason="our_retry")
        paid(c, "a", 10000, at(3, 9), "our_retry")
        recovery(c, "b", "recovered", 5000, at(3, 30), reason="customer_card_update", closed_at=at(4, 5))
        paid(c, "b", 5000, at(4, 5), "customer_card_update")
        entry(c, "b", "refund", -2500, at(5, 1))
        recovery(c, "c", "lost", 3000, at(3, 5), closed_reason="window", closed_at=at(4, 19))
        recovery(c, "d", "stopped", 2000, at(3, 5), closed_reason="voided", closed_at=at(3, 6))
        recovery(
            c, "e", "scheduled", 1000, at(3, 31, 23), next_attempt_at=at(6, 2), decline_class="technical"
        )
        recovery(c, "f", "recovered", 4500, at(3, 10), reason="our_retry")
        paid(c, "f", 4000, at(3, 11), "our_retry")
        recovery(c, "g", "recovered", 700, at(3, 10), "eur", reason="stripe_retry")
        paid(c, "g", 700, at(3, 12), "stripe_retry", currency="eur")
        recovery(c, "h", "recovered", 6000, at(4, 1, 0), reason="our_retry", closed_at=at(4, 2))
        paid(c, "h", 6000, at(4, 2), "our_retry")
        entry(c, "h", "dispute", -6000, at(4, 20))
        entry(c, "h", "dispute_reversal", 6000, at(5, 20))
        recovery(c, "live", "recovered", 99999, at(3, 3), reason="our_retry", livemode=True)
        paid(c, "live", 99999, at(3, 3), "our_retry", livemode=True)
    with store.read() as connection:
        yield connection
    store.engine.dispose()


def ask(start: tuple[int, int], end: tuple[int, int], **more: Any) -> Question:
    zone = ZoneInfo(more.pop("zone", "UTC"))
    return Question(date(2027, *start), date(2027, *end), zone, livemode=False, **more)


MARCH = ((3, 1), (4, 1))


def test_a_cohort_is_shared_out_without_a_rest(books: Connection) -> None:
    sums = recovered_revenue(books, ask(*MARCH), now=NOW).currencies
    assert sums["usd"].amounts == {
        "failed": 25500,
        "recovered": 19000,
        "lost": 3000,
        "stopped": 2500,  # 20 voided, and the 5 that a credit took off before the payment
        "open": 1000,
        "refunded": 2500,
        "disputed": 0,
        "credited": 0,
        "net": 16500,
    }
    assert (sums["usd"].count, sums["usd"].recovered_count, sums["usd"].open_count) == (6, 3, 1)
    assert sums["eur"].amounts["recovered"] == 700


def test_the_cash_basis_counts_money_by_the_day_it_moved(books: Connection) -> None:
    march = recovered_revenue(books, ask(*MARCH, basis=Basis.CASH), now=NOW).currencies["usd"].amounts
    assert (march["failed"], march["recovered"], march["lost"], march["stopped"]) == (25500, 14000, 0, 2500)
    april = recovered_revenue(books, ask((4, 1), (5, 1), basis=Basis.CASH), now=NOW).currencies["usd"].amounts
    assert (april["recovered"], april["lost"], april["disputed"], april["net"]) == (11000, 3000, 6000, 5000)
    may = recovered_revenue(books, ask((5, 1), (6, 1), basis=Basis.CASH), now=NOW).currencies["usd"].amounts
    assert (may["recovered"], may["refunded"], may["disputed"], may["net"]) == (0, 2500, -6000, 3500)


def test_the_two_bases_agree_over_all_time(books: Connection) -> None:
    names = ("failed", "recovered", "lost", "stopped", "open", "refunded", "disputed", "credited", "net")
    both = [
        recovered_revenue(books, ask((1, 1), (12, 31), basis=basis), now=NOW).currencies["usd"].amounts
        for basis in Basis
    ]
    assert [both[0][name] for name in names] == [both[1][name] for name in names]


def test_the_report_time_zone_decides_the_month(books: Connection) -> None:
    in_utc = recovered_revenue(books, ask(*MARCH), now=NOW).currencies["usd"].amounts["failed"]
    in_tokyo = recovered_revenue(books, ask(*MARCH, zone="Asia/Tokyo"), now=NOW).currencies["usd"].amounts
    assert in_utc - in_tokyo["failed"] == 1000  # 31 March 23:00 UTC is April there
    in_new_york = recovered_revenue(books, ask(*MARCH, zone="America/New_York"), now=NOW)
    assert (
        in_new_york.currencies["usd"].amounts["failed"] - in_utc == 6000
    )  # 1 April 00:00 UTC is March there


@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize("by", list(GroupBy))
def test_groups_add_up_to_the_whole(books: Connection, basis: Basis, by: GroupBy) -> None:
    report = recovered_revenue(books, ask((2, 1), (7, 1), basis=basis, group_by=by), now=NOW)
    for code, total in report.currencies.items():
        parts = [figures[code].amounts for _, figures in report.groups if code in figures]
        assert {name: sum(part[name] for part in parts) for name in AMOUNTS} == total.amounts


def test_a_reason_has_what_it_brought(books: Connection) -> None:
    report = recovered_revenue(books, ask(*MARCH, group_by=GroupBy.REASON), now=NOW)
    brought = {key: by["usd"].amounts["recovered"] for key, by in report.groups if "usd" in by}
    assert brought == {"our_retry": 14000, "customer_card_update": 5000, "none": 0}


@pytest.mark.parametrize("basis", list(Basis))
@pytest.mark.parametrize("figure", [name for name in AMOUNTS if name != "net"])
def test_the_rows_behind_a_figure_sum_to_it(books: Connection, basis: Basis, figure: str) -> None:
    question = ask((3, 1), (5, 1), basis=basis)
    wanted = recovered_revenue(books, question, now=NOW).currencies["usd"].amounts[figure]
    rows = rows_behind(books, scope_of(question), Behind(figure, basis, "usd"))
    assert sum(int(row["amount"]) for row in rows) == wanted


def test_the_rows_behind_one_reason_are_its_own(books: Connection) -> None:
    question = ask(*MARCH, group_by=GroupBy.REASON)
    behind = Behind("recovered", "cohort", "usd", "customer_card_update")
    assert [row["charge_id"] for row in rows_behind(books, scope_of(question), behind)] == ["ch_b"]


def test_rows_behind_a_figure_come_in_pages_without_gap_or_repeat(books: Connection) -> None:
    question, seen, cursor = ask(*MARCH), [], None
    for _ in range(9):
        rows = rows_behind(books, scope_of(question), Behind("failed", "cohort", cursor=cursor, limit=2))
        seen += [row["recovery_id"] for row in rows[:2]]
        if len(rows) <= 2:
            break
        cursor = (rows[1]["at"], rows[1]["id"])
    assert seen == ["rec_e", "rec_b", "rec_g", "rec_f", "rec_d", "rec_c", "rec_a"]


def test_amounts_are_whole_numbers_on_both_databases(books: Connection) -> None:
    report = recovered_revenue(books, ask(*MARCH, group_by=GroupBy.MONTH), now=NOW).dumps()
    assert {type(value) for by in report["currencies"].values() for value in by.values()} == {int}


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BadPeriod, match="later than"):
        ask((4, 1), (4, 1))
