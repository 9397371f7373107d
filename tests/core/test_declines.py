import re

import pytest

from dunning.core.declines import (
    TABLE,
    UNKNOWN_RETRIES,
    Decline,
    DeclineClass,
    classify,
    customer_wording,
    may_retry,
    retry_limit,
    staff_wording,
    wants_outcome,
)

# docs.stripe.com/declines/codes (cards, local methods) and the outcome reasons that block a charge.
CODES = {
    "soft_funds": "insufficient_funds payment_limit_exceeded partner_insufficient_funds",
    "limit": "card_velocity_exceeded withdrawal_count_limit_exceeded",
    "soft_issuer": (
        "generic_decline do_not_honor call_issuer no_action_taken approve_with_id try_again_later "
        "partner_generic_decline"
    ),
    "technical": (
        "processing_error issuer_not_available reenter_transaction duplicate_transaction testmode_decline "
        "partner_processing_error invalid_business_account partner_payment_not_found "
        "partner_duplicate_transaction"
    ),
    "needs_authentication": (
        "authentication_required authentication_not_handled mobile_device_authentication_required"
    ),
    "needs_card": (
        "expired_card incorrect_number invalid_number incorrect_cvc invalid_cvc invalid_expiry_month "
        "invalid_expiry_year incorrect_zip incorrect_address new_account_information_available "
        "card_not_supported currency_not_supported requested_block_on_incorrect_cvc "
        "invalid_customer_account partner_expired_card expired_payment_information"
    ),
    "hard": (
        "invalid_account invalid_amount not_permitted service_not_allowed transaction_not_allowed "
        "restricted_card pickup_card lost_card stolen_card revocation_of_authorization "
        "revocation_of_all_authorizations stop_payment_order do_not_try_again pin_try_exceeded "
        "incorrect_pin invalid_pin offline_pin_required online_or_offline_pin_required "
        "previously_declined_do_not_retry invalid_billing_agreement partner_invalid_currency "
        "partner_invalid_amount compliance_violation payment_disputed invalid_authorization "
        "invalid_payment_information"
    ),
    "fraud": (
        "fraudulent merchant_blacklist security_violation highest_risk_level elevated_risk_level rule "
        "partner_high_risk_customer"
    ),
}
PAIRS = [(code, DeclineClass(name)) for name, codes in CODES.items() for code in codes.split()]
STRIPES_NINE = [
    "incorrect_number",
    "lost_card",
    "pickup_card",
    "stolen_card",
    "revocation_of_authorization",
    "revocation_of_all_authorizations",
    "authentication_required",
    "highest_risk_level",
    "transaction_not_allowed",
]
UNSPEAKABLE = re.compile(r"lost|stolen|fraud|risk|security|suspic|funds|money", re.IGNORECASE)


@pytest.mark.parametrize(("code", "expected"), PAIRS)
def test_every_code_has_its_class(code: str, expected: DeclineClass) -> None:
    assert classify(Decline(code=code)) is expected


def test_every_documented_code_is_in_the_table() -> None:
    assert len(PAIRS) == 73  # and the 74th row of Stripe's lists is the code that is not in them
    assert {code for code, _ in PAIRS} <= TABLE.keys()
    assert classify(Decline(code="(unknown code)")) is DeclineClass.UNKNOWN


# What we do after each of those codes: the number of retries that the code itself allows, None as the policy.
RETRIES = {
    0: (
        "duplicate_transaction testmode_decline invalid_business_account partner_payment_not_found "
        "partner_duplicate_transaction incorrect_number invalid_number incorrect_cvc invalid_cvc "
        "invalid_expiry_month invalid_expiry_year incorrect_zip incorrect_address card_not_supported "
        "currency_not_supported requested_block_on_incorrect_cvc invalid_customer_account"
    ),
    1: "expired_card new_account_information_available partner_expired_card expired_payment_information",
    2: "call_issuer no_action_taken approve_with_id partner_generic_decline",
}


@pytest.mark.parametrize(("code", "expected"), PAIRS)
def test_every_code_has_its_action(code: str, expected: DeclineClass) -> None:
    own = next((most for most, codes in RETRIES.items() if code in codes.split()), None)
    stopped = expected in {"hard", "fraud", "needs_authentication"}
    assert retry_limit(Decline(code=code)) == (0 if stopped else own)
    action = TABLE[code].action
    if expected in {"hard", "fraud"}:
        assert action == "never try this card again"
    elif expected is DeclineClass.NEEDS_AUTHENTICATION:
        assert action == "ask the customer to confirm"
    elif expected is DeclineClass.NEEDS_CARD:
        assert action.startswith("ask for another card")
        assert ("one late try" in action) is (own == 1)
    else:
        told = {None: "retry", 0: "no retry: somebody must look", 2: "retry, 2 times at most"}
        assert action == told[own]


@pytest.mark.parametrize("code", sorted(TABLE))
def test_every_row_speaks_to_staff_and_names_its_source(code: str) -> None:
    row = TABLE[code]
    assert row.words_for_staff.endswith(".")
    assert ".com/" in row.source
    assert staff_wording(Decline(code=code)).startswith(row.words_for_staff)


@pytest.mark.parametrize("code", sorted(TABLE))
def test_the_customer_never_reads_a_hurtful_reason(code: str) -> None:
    wording = customer_wording(classify(Decline(code=code)), code)
    assert wording
    assert not UNSPEAKABLE.search(wording)


@pytest.mark.parametrize("decline_class", list(DeclineClass))
def test_every_class_has_neutral_words(decline_class: DeclineClass) -> None:
    assert not UNSPEAKABLE.search(customer_wording(decline_class))


def test_an_expired_card_may_be_named() -> None:
    assert "expired" in customer_wording(DeclineClass.NEEDS_CARD, "expired_card")
    assert "expired" not in customer_wording(DeclineClass.NEEDS_CARD, "incorrect_cvc")


@pytest.mark.parametrize("code", STRIPES_NINE)
@pytest.mark.parametrize("advice", ["try_again_later", "confirm_card_data", None])
def test_no_advice_softens_a_code_that_stripe_itself_refuses_to_retry(code: str, advice: str | None) -> None:
    decline = Decline(code=code, advice_code=advice, network_advice_code="24", brand="mastercard")
    assert not may_retry(classify(decline))
    assert retry_limit(decline) == 0


@pytest.mark.parametrize("code", ["insufficient_funds", "do_not_honor", "processing_error", "brand_new_code"])
@pytest.mark.parametrize(
    ("advice", "network", "expected"),
    [
        ("do_not_try_again", None, DeclineClass.HARD),
        (None, "03", DeclineClass.HARD),
        (None, "21", DeclineClass.HARD),
        (None, "01", DeclineClass.NEEDS_CARD),
        ("confirm_card_data", None, DeclineClass.NEEDS_CARD),
        ("try_again_later", "03", DeclineClass.HARD),
        ("confirm_card_data", "21", DeclineClass.HARD),
    ],
)
def test_advice_outranks_the_row(
    code: str, advice: str | None, network: str | None, expected: DeclineClass
) -> None:
    decline = Decline(code=code, advice_code=advice, network_advice_code=network, brand="mastercard")
    assert classify(decline) is expected


@pytest.mark.parametrize("brand", ["amex", "discover", "jcb"])
def test_mastercards_advice_means_nothing_on_networks_that_have_none(brand: str) -> None:
    decline = Decline(code="insufficient_funds", network_advice_code="03", brand=brand)
    assert classify(decline) is DeclineClass.SOFT_FUNDS


def test_a_single_digit_advice_is_read_like_two() -> None:
    assert classify(Decline(code="do_not_honor", network_advice_code="3")) is DeclineClass.HARD


def test_visas_first_category_is_never_tried_again() -> None:
    assert classify(Decline(code="generic_decline", network_decline_code="R0", brand="visa")) == "hard"
    assert classify(Decline(code="generic_decline", network_decline_code="R0", brand="amex")) == "soft_issuer"
    assert classify(Decline(code="generic_decline", network_advice_code="01", brand="visa")) == "hard"


def test_try_again_later_overrides_caution() -> None:
    assert classify(Decline(code="not_permitted", advice_code="try_again_later")) is DeclineClass.SOFT_ISSUER
    assert retry_limit(Decline(code="not_permitted", advice_code="try_again_later")) == UNKNOWN_RETRIES
    assert classify(Decline(code="insufficient_funds", advice_code="try_again_later")) == "soft_funds"


@pytest.mark.parametrize(
    ("decline", "wanted"),
    [
        (Decline(code="generic_decline"), True),
        (Decline(code="card_declined"), True),
        (Decline(code="partner_generic_decline"), True),
        (Decline(code="fraudulent"), True),
        (Decline(code="generic_decline", network_decline_code="05"), False),
        (Decline(code="generic_decline", network_status="declined_by_network"), False),
        (Decline(code="generic_decline", outcome_type="issuer_declined"), False),
        (Decline(code="insufficient_funds"), False),
        (Decline(code="lost_card"), False),
        (Decline(code="brand_new_code"), False),
    ],
)
def test_the_charge_is_read_only_where_nothing_else_tells_a_block(decline: Decline, *, wanted: bool) -> None:
    assert wants_outcome(decline) is wanted


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("previously_declined_do_not_retry", DeclineClass.HARD),
        ("highest_risk_level", DeclineClass.FRAUD),
        ("rule", DeclineClass.FRAUD),
        ("requested_block_on_incorrect_cvc", DeclineClass.NEEDS_CARD),
        ("a_reason_of_next_year", DeclineClass.HARD),
        (None, DeclineClass.HARD),
    ],
)
def test_a_blocked_charge_is_not_the_banks_generic_decline(
    reason: str | None, expected: DeclineClass
) -> None:
    decline = Decline(
        code="generic_decline",
        outcome_type="blocked",
        outcome_reason=reason,
        network_status="not_sent_to_network",
    )
    assert classify(decline) is expected


def test_a_generic_decline_that_reached_the_bank_is_soft() -> None:
    decline = Decline(
        code="generic_decline",
        outcome_type="issuer_declined",
        outcome_reason="generic_decline",
        network_status="declined_by_network",
    )
    assert classify(decline) is DeclineClass.SOFT_ISSUER


def test_a_try_that_never_left_is_not_retried_as_soft() -> None:
    decline = Decline(code="generic_decline", network_status="not_sent_to_network")
    assert classify(decline) is DeclineClass.HARD


def test_the_outcome_names_what_the_generic_code_hides() -> None:
    decline = Decline(
        code="generic_decline", outcome_type="issuer_declined", outcome_reason="insufficient_funds"
    )
    assert classify(decline) is DeclineClass.SOFT_FUNDS


def test_a_bank_debit_is_read_from_its_failure_code() -> None:
    assert classify(Decline(failure_code="account_closed")) is DeclineClass.HARD
    assert classify(Decline(failure_code="insufficient_funds")) is DeclineClass.SOFT_FUNDS


@pytest.mark.parametrize("decline", [Decline(), Decline(code="brand_new_code")])
def test_what_nobody_has_described_is_unknown_and_tried_little(decline: Decline) -> None:
    assert classify(decline) is DeclineClass.UNKNOWN
    assert may_retry(DeclineClass.UNKNOWN)
    assert retry_limit(decline) == UNKNOWN_RETRIES
    assert staff_wording(decline)


@pytest.mark.parametrize("name", ["hard", "fraud", "needs_card", "needs_authentication"])
def test_four_classes_never_retry_the_same_card(name: str) -> None:
    assert not may_retry(DeclineClass(name))


@pytest.mark.parametrize(
    ("decline", "tries"),
    [
        (Decline(code="expired_card"), 1),
        (Decline(code="do_not_honor", advice_code="confirm_card_data"), 1),
        (Decline(code="do_not_honor", network_advice_code="01", brand="mastercard"), 1),
        (Decline(code="incorrect_cvc"), 0),
        (Decline(code="duplicate_transaction"), 0),
        (Decline(code="call_issuer"), 2),
        (Decline(code="insufficient_funds"), None),
    ],
)
def test_codes_limit_their_own_retries(decline: Decline, tries: int | None) -> None:
    assert retry_limit(decline) == tries


def test_staff_read_the_advice_beside_the_code() -> None:
    words = staff_wording(Decline(code="insufficient_funds", network_advice_code="21", brand="mastercard"))
    assert "enough money" in words
    assert "cancelled the recurring payment" in words
