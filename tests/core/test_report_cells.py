"""What one recovery adds to the reports."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dunning.core.report_cells import cells
from dunning.core.report_story import Story, Tried
from dunning.core.report_words import Subject
from dunning.core.vocabulary import AttemptState, MadeBy, Status

WHEN = datetime(2027, 3, 1, tzinfo=UTC)
REFUSED = Tried(WHEN, AttemptState.DECLINED, MadeBy.STRIPE, 900, brand="mastercard", card="fp_a")
STORY = Story(
    livemode=False,
    imported=False,
    currency="usd",
    amount=900,
    status=Status.WAITING,
    failed_at=WHEN,
    closed_at=None,
    closed_reason=None,
    reason=None,
    decline_class="hard",
    decline_code=None,
    invoice_class="renewal",
    campaign="standard",
    campaign_version=1,
)


def tried(*changes: dict[str, object]) -> dict[str, int]:
    """Sum what attempts add, each a day after the one before, of a story read back from its text."""
    several = tuple(
        replace(REFUSED, at=WHEN + timedelta(days=day), **change) for day, change in enumerate(changes)
    )
    story = Story.loads(replace(STORY, attempts=several, segment="big").dumps())
    sums: dict[str, int] = {}
    for place, measured in cells(story, ZoneInfo("UTC"), subject=Subject.ATTEMPTS, dimension="segment"):
        assert place.key == "big"
        for name, value in measured.items():
            sums[name] = sums.get(name, 0) + value
    return sums


def test_only_tries_on_a_card_whose_network_said_stop_are_counted_after_the_stop() -> None:
    stop, other = {"stopped": True}, {"card": "fp_b"}
    assert tried(stop, {}, other, {})["after_stop"] == 2
    assert tried({}, stop, other)["after_stop"] == 0
    assert tried(stop | {"card": None}, {"card": None})["after_stop"] == 0


def test_tries_beyond_a_networks_window_are_counted_per_card() -> None:
    debit = {"brand": "sepa_debit"}
    assert tried(debit, debit, debit, debit)["beyond_budget"] == 2
    assert tried(debit, debit, debit | {"card": "fp_b"})["beyond_budget"] == 0
    assert tried(*[debit | {"card": None}] * 3)["beyond_budget"] == 0


def test_a_try_that_stripe_refused_itself_reached_no_network_and_costs_no_fee() -> None:
    sums = tried({"stopped": True}, {"state": AttemptState.NOT_SENT})
    assert (sums["tried"], sums["not_sent"], sums["after_stop"]) == (1, 1, 0)
