"""What the planner is told of a refusal says to it what the card rules say."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from dunning.core.card_rules import CLASSES, load, mistakes
from dunning.core.declines import TABLE, Decline, DeclineClass, classify, retry_limit
from dunning.flows.retelling import STANDS_FOR, retold

CODES = st.sampled_from([*sorted(TABLE), "brand_new_code"])
DECLINES = st.builds(
    Decline,
    code=CODES,
    advice_code=st.sampled_from([None, "do_not_try_again", "try_again_later", "confirm_card_data"]),
    network_advice_code=st.sampled_from([None, "01", "02", "03", "21", "24", "30", "40"]),
    network_decline_code=st.sampled_from([None, "05", "51", "R0", "54"]),
    outcome_type=st.sampled_from([None, "issuer_declined", "blocked"]),
    outcome_reason=st.sampled_from(
        [None, "insufficient_funds", "highest_risk_level", "rule", "a_new_reason"]
    ),
    network_status=st.sampled_from([None, "declined_by_network", "not_sent_to_network"]),
    brand=st.sampled_from([None, "visa", "mastercard", "amex", "sepa_debit"]),
)


def seen_by_planner(decline: Decline) -> Decline:
    told = (decline.code, decline.advice_code, decline.network_advice_code)
    return Decline(*told, brand=decline.brand)


@settings(max_examples=400, derandomize=True, deadline=None)
@given(decline=DECLINES, name=st.sampled_from([None, *CLASSES]), retries=st.sampled_from([None, 0, 1, 5]))
def test_the_planner_reads_every_retold_refusal_as_the_card_rules_do(
    decline: Decline, name: str | None, retries: int | None
) -> None:
    own: dict[str, Any] = {"class": name} | ({} if retries is None else {"retries": retries})
    document = {} if name is None else {"declines": {decline.code: own}}
    if list(mistakes(document)):
        return
    table = load(document, 1).table
    told, limit = classify(decline, table), retry_limit(decline, table)
    seen = seen_by_planner(decline)
    code = retold(decline.code or "", seen, told, limit)
    again = Decline(code, seen.advice_code, seen.network_advice_code, brand=seen.brand)
    assert classify(again) is told
    if told is DeclineClass.NEEDS_CARD:
        assert retry_limit(again) == limit


@settings(max_examples=200, derandomize=True, deadline=None)
@given(code=CODES, advice=st.sampled_from([None, "try_again_later", "do_not_try_again"]))
def test_what_the_planner_reads_alike_is_told_in_its_own_code(code: str, advice: str | None) -> None:
    decline = Decline(code, advice)
    assert retold(code, decline, classify(decline), retry_limit(decline)) == code


def test_every_class_that_can_be_published_has_a_code_that_stands_for_it() -> None:
    assert {word.value for word in STANDS_FOR} == set(CLASSES)
    assert all(TABLE[code].decline_class is word for word, code in STANDS_FOR.items())
