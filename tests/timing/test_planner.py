import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from dunning.timing import Attempt, Case, Choice, Planner

OPENED = datetime(2026, 3, 3, 14, 20, tzinfo=UTC)  # a Tuesday
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
PRIOR = Planner.fit([], now=OPENED)


def a_case(code: str | None = "insufficient_funds", **changes: object) -> Case:
    base = Case(
        id="in_1",
        amount=2900,
        currency="usd",
        attempts=(Attempt(OPENED, paid=False, decline_code=code),),
        deadline=OPENED + 14 * DAY,
        attempts_left=4,
        brand="visa",
        funding="debit",
        country="US",
    )
    return replace(base, **changes)


def failed(case: Case, at: datetime, **changes: str) -> Case:
    code = case.attempts[-1].decline_code
    attempt = replace(Attempt(at, paid=False, decline_code=code), **changes)
    return replace(case, attempts=(*case.attempts, attempt), attempts_left=case.attempts_left - 1)


def all_tries(planner: Planner, case: Case) -> list[Choice]:
    found: list[Choice] = []
    while (choice := planner.choose(case, now=found[-1].at if found else OPENED)) is not None:
        found.append(choice)
        case = failed(case, choice.at)
    return found


@pytest.mark.parametrize(
    "code", ["insufficient_funds", "do_not_honor", "processing_error", "brand_new", None]
)
def test_without_history_the_prior_finds_a_time(code: str | None) -> None:
    choice = PRIOR.choose(a_case(code), now=OPENED + HOUR)
    assert choice is not None
    assert OPENED + HOUR <= choice.at < OPENED + 14 * DAY
    assert 0.05 < choice.probability < 0.95
    assert 0 < choice.propensity <= 1
    assert "general patterns" in choice.reason
    assert choice.alternatives
    assert all(abs(other.at - choice.at) >= 6 * HOUR for other in choice.alternatives)


def test_each_decline_waits_in_its_own_way() -> None:
    waits = {}
    for code in ("processing_error", "insufficient_funds", "expired_card"):
        choice = PRIOR.choose(a_case(code), now=OPENED)
        assert choice is not None
        waits[code] = choice.at - OPENED
    assert waits["processing_error"] < DAY < waits["insufficient_funds"] < waits["expired_card"]


@pytest.mark.parametrize("country", ["US", "FR", "SA", None])
def test_tries_are_spread_over_the_window(country: str | None) -> None:
    times = [choice.at for choice in all_tries(PRIOR, a_case(country=country))]
    assert len(times) == 4
    assert times[-1] - times[0] > 5 * DAY
    assert all(late - early >= 12 * HOUR for early, late in pairwise(times))


def test_later_tries_expect_less_than_the_first_since_failures_go_together() -> None:
    chances = [choice.probability for choice in all_tries(PRIOR, a_case("do_not_honor", attempts_left=6))]
    assert chances[-1] < 0.5 * chances[0]


def test_the_same_question_has_the_same_answer() -> None:
    case = a_case()
    again = Planner.fit([], now=OPENED)
    assert PRIOR.explain(case, now=OPENED) == again.explain(case, now=OPENED)


def test_cases_do_not_all_fall_on_one_minute() -> None:
    choices = [PRIOR.choose(a_case(id=f"in_{number}"), now=OPENED) for number in range(20)]
    assert len({choice.at.minute for choice in choices if choice}) > 8


SEASONED = Planner.fit(
    [failed(a_case(id=f"past_{number}"), OPENED + (20 + number % 150) * HOUR) for number in range(150)],
    now=OPENED + 14 * DAY,
)


def opened_at(at: datetime, number: int) -> Case:
    attempts = (Attempt(at, paid=False, decline_code="insufficient_funds"),)
    return a_case(id=f"in_{number}", attempts=attempts, deadline=at + 14 * DAY)


def test_exploration_is_rare_and_says_how_likely_it_was() -> None:
    opened = [(number, OPENED + 7 * number * HOUR) for number in range(300)]
    answers = [SEASONED.choose(opened_at(at, number), now=at) for number, at in opened]
    chances = [choice.propensity for choice in answers if choice]
    assert 0 < sum(chance < 0.5 for chance in chances) < 0.25 * len(chances)
    assert min(chances) > 0


def test_a_time_is_picked_as_often_as_its_propensity_says() -> None:
    opened = (opened_at(OPENED + 7 * number * HOUR, number) for number in range(40))
    case = next(c for c in opened if SEASONED.choose(c, now=c.attempts[0].at).propensity < 0.8)  # type: ignore[union-attr]
    saved = json.loads(SEASONED.dumps())
    seeds = [Planner.loads(json.dumps(saved | {"seed": seed}).encode()) for seed in range(250)]
    answers = [planner.choose(case, now=case.attempts[0].at) for planner in seeds]
    told: dict[datetime, list[float]] = {}
    for choice in answers:
        assert choice is not None
        told.setdefault(choice.at.replace(minute=0), []).append(choice.propensity)
    assert len(told) > 1
    for chances in told.values():
        assert len(chances) / len(seeds) == pytest.approx(sum(chances) / len(chances), abs=0.08)


def test_without_history_the_quarters_of_the_day_take_turns() -> None:
    tries = all_tries(PRIOR, a_case())
    quarters = [choice.at.astimezone(ZoneInfo("America/New_York")).hour // 6 for choice in tries]
    assert len(set(quarters)) >= 3


@pytest.mark.parametrize("timezone", ["America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe"])
def test_the_reason_is_in_the_customers_time(timezone: str) -> None:
    choice = PRIOR.choose(a_case(timezone=timezone), now=OPENED)
    assert choice is not None
    local = choice.at.astimezone(ZoneInfo(timezone))
    assert choice.reason.startswith(f"{local:%A %H:%M} their time: insufficient funds on US debit cards")


def test_an_unknown_country_is_told_in_utc() -> None:
    choice = PRIOR.choose(a_case(country=None), now=OPENED)
    assert choice is not None
    assert choice.reason.startswith(f"{choice.at:%A %H:%M} UTC")


@pytest.mark.parametrize("timezone", ["Mars/Olympus", "", "../etc/passwd"])
def test_a_wrong_zone_falls_back_to_the_country(timezone: str) -> None:
    wrong = PRIOR.choose(a_case(timezone=timezone), now=OPENED)
    right = PRIOR.choose(a_case(timezone="America/Chicago"), now=OPENED)
    assert wrong == right


def test_the_morning_of_a_new_card_is_now() -> None:
    case = a_case("lost_card", card="new", attempts=(Attempt(OPENED, False, "lost_card", card="old"),))
    now = OPENED + 5 * DAY
    choice = PRIOR.choose(case, now=now)
    assert choice is not None
    assert choice.at - now < HOUR
    assert choice.probability > 0.6


def test_coming_back_to_a_stopped_card_is_still_refused() -> None:
    attempts = (
        Attempt(OPENED, False, "lost_card", card="old"),
        Attempt(OPENED + DAY, False, "insufficient_funds", card="new"),
    )
    now = OPENED + 2 * DAY
    assert PRIOR.choose(a_case(attempts=attempts, card="old"), now=now) is None
    assert PRIOR.choose(a_case(attempts=attempts, card="new"), now=now) is not None
    assert PRIOR.choose(a_case(attempts=attempts), now=now) is not None


@pytest.mark.parametrize(
    "opened", [datetime(2028, 2, 26, 9, tzinfo=UTC), datetime(2026, 3, 27, 9, tzinfo=UTC)]
)
def test_leap_days_and_changing_clocks_are_ordinary(opened: datetime) -> None:
    attempts = (Attempt(opened, False, "insufficient_funds"),)
    case = a_case(attempts=attempts, deadline=opened + 5 * DAY, timezone="Europe/Berlin")
    choice = PRIOR.choose(case, now=opened)
    assert choice is not None
    assert opened <= choice.at < opened + 5 * DAY
    assert f"{choice.at.astimezone(ZoneInfo('Europe/Berlin')):%A %H:%M}" in choice.reason


@pytest.mark.parametrize("days", [0.01, 0.3, 1, 60, 400])
def test_any_window_that_allows_a_try_gets_one(days: float) -> None:
    now = OPENED + 13 * HOUR
    choice = PRIOR.choose(a_case(deadline=now + days * DAY), now=now)
    assert choice is not None
    assert now <= choice.at < now + days * DAY


def naive(case: Case) -> list[Case]:
    return [
        replace(case, deadline=case.deadline.replace(tzinfo=None)),
        replace(case, not_before=OPENED.replace(tzinfo=None)),
        replace(case, vetoes=((OPENED.replace(tzinfo=None), OPENED),)),
        replace(case, attempts=(replace(case.attempts[0], at=OPENED.replace(tzinfo=None)),)),
    ]


@pytest.mark.parametrize("case", naive(a_case()))
def test_naive_instants_are_refused(case: Case) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        PRIOR.choose(case, now=OPENED)


def test_a_naive_now_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        PRIOR.choose(a_case(), now=OPENED.replace(tzinfo=None))
    with pytest.raises(ValueError, match="no time zone"):
        Planner.fit([], now=OPENED.replace(tzinfo=None))
    with pytest.raises(ValueError, match="no time zone"):
        Planner.fit([naive(failed(a_case(), OPENED + DAY))[3]], now=OPENED)


def test_attempts_out_of_order_are_refused() -> None:
    case = failed(a_case(), OPENED - DAY)
    with pytest.raises(ValueError, match="not oldest first"):
        PRIOR.choose(case, now=OPENED)


def test_a_case_without_its_failure_is_refused() -> None:
    with pytest.raises(ValueError, match="has no attempts"):
        PRIOR.choose(a_case(attempts=()), now=OPENED)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"attempts_left": 0}, "No attempts are left"),
        ({"deadline": OPENED - DAY}, "window has ended"),
        ({"not_before": OPENED + 20 * DAY}, "no try before the window ends"),
        ({"vetoes": ((OPENED, OPENED + 30 * DAY),)}, "no try before the window ends"),
        ({"attempts": (Attempt(OPENED, paid=True),)}, "has paid"),
        ({"attempts": (Attempt(OPENED, False, "stolen_card"),)}, "may not be tried again"),
        ({"attempts": (Attempt(OPENED, False, "authentication_required"),)}, "cannot help"),
        ({"attempts": (Attempt(OPENED, False, "call_issuer"),) * 3}, "allows no more tries"),
    ],
)
def test_none_is_explained(changes: dict[str, object], words: str) -> None:
    why = PRIOR.explain(a_case(**changes), now=OPENED)
    assert why.choice is None
    assert words in why.reason
    assert PRIOR.choose(a_case(**changes), now=OPENED) is None


def test_a_hopeless_case_is_left_alone() -> None:
    case = a_case("processing_error", attempts_left=100, deadline=OPENED + 90 * DAY)
    for day in range(1, 61):  # at every hour of the day
        case = failed(case, OPENED + day * DAY + 5 * day % 24 * HOUR)
    why = PRIOR.explain(case, now=OPENED + 62 * DAY)
    assert why.choice is None
    assert "rarely be approved" in why.reason


def test_the_rules_that_forbade_times_are_named() -> None:
    attempt = Attempt(OPENED, False, "insufficient_funds", network_advice_code="27")
    vetoes = ((OPENED + 4 * DAY, OPENED + 6 * DAY),)
    why = PRIOR.explain(a_case(attempts=(attempt,), brand="mastercard", vetoes=vetoes), now=OPENED)
    assert {veto.rule for veto in why.vetoed} == {"network_delay", "gap", "veto"}
    assert any("96 hours" in veto.sentence for veto in why.vetoed)
    assert why.choice is not None
    assert why.choice.at >= OPENED + 6 * DAY
    assert why.alternatives == why.choice.alternatives
