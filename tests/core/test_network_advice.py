"""Every advice code of banks and networks, on every brand."""

from datetime import UTC, datetime, timedelta

import pytest

from dunning.core.declines import Decline, DeclineClass, classify, staff_wording
from dunning.core.network_advice import ROWS
from dunning.core.network_rules import (
    BUDGET_SOURCES,
    BUDGETS,
    FEES,
    charged_after,
    earliest_after,
    stops_card,
)
from dunning.core.vocabulary import WithheldBy

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BRANDS = ("mastercard", "visa", "amex", "discover", "jcb", "unionpay", "sepa_debit", None)
SOFT = DeclineClass.SOFT_FUNDS  # what the decline code itself says in these tests

# network_advice_code -> class on Mastercard (None: as the code says), hours to wait
MASTERCARD: dict[str, tuple[DeclineClass | None, int | None]] = {
    "01": (DeclineClass.NEEDS_CARD, None),
    "02": (None, 72),
    "03": (DeclineClass.HARD, None),
    "04": (DeclineClass.HARD, None),
    "21": (DeclineClass.HARD, None),
    "22": (DeclineClass.HARD, None),
    "24": (None, 1),
    "25": (None, 24),
    "26": (None, 2 * 24),
    "27": (None, 4 * 24),
    "28": (None, 6 * 24),
    "29": (None, 8 * 24),
    "30": (None, 10 * 24),
    "40": (DeclineClass.NEEDS_CARD, None),
    "41": (DeclineClass.NEEDS_CARD, None),
    "43": (None, None),
}
VISA = {"01": DeclineClass.HARD, "02": None, "03": DeclineClass.NEEDS_CARD, "04": None}
CODES = sorted({*MASTERCARD, *VISA, "05", "31", "99"})


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize("code", CODES)
def test_every_network_advice_code_on_every_brand(code: str, brand: str | None) -> None:
    decline = Decline(code="insufficient_funds", network_advice_code=code, brand=brand)
    if brand in {"mastercard", None}:  # a brand that is not known is read as strictly
        told, hours = MASTERCARD.get(code, (None, None))
    else:
        told, hours = (VISA.get(code) if brand == "visa" else None), None
    assert classify(decline) is (told or SOFT)
    assert stops_card(decline) is (told is DeclineClass.HARD)
    assert earliest_after(decline, NOW) == (None if hours is None else NOW + timedelta(hours=hours))


@pytest.mark.parametrize(("code", "said"), MASTERCARD.items())
def test_every_code_of_mastercards_has_its_action(
    code: str, said: tuple[DeclineClass | None, int | None]
) -> None:
    told, hours = said
    action = ROWS["mastercard", "network_advice_code", code].action
    if hours is not None:
        assert action == f"wait {hours} h, then retry"
    else:
        starts = {DeclineClass.HARD: "never try", DeclineClass.NEEDS_CARD: "ask for another card"}
        assert action.startswith(starts[told] if told else "as the decline code says")


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize(
    ("advice", "told"),
    [
        ("do_not_try_again", DeclineClass.HARD),
        ("confirm_card_data", DeclineClass.NEEDS_CARD),
        ("try_again_later", SOFT),
        ("an_advice_of_next_year", SOFT),
    ],
)
def test_every_advice_code_on_every_brand(advice: str, told: DeclineClass, brand: str | None) -> None:
    assert classify(Decline(code="insufficient_funds", advice_code=advice, brand=brand)) is told


@pytest.mark.parametrize("brand", BRANDS)
@pytest.mark.parametrize(
    "answer", ["04", "07", "12", "14", "15", "41", "43", "46", "57", "R0", "R1", "R3", "05", "51", "54", "91"]
)
def test_visas_first_category_stops_on_visa_alone(answer: str, brand: str | None) -> None:
    decline = Decline(code="do_not_honor", network_decline_code=answer, brand=brand)
    never = brand == "visa" and answer not in {"05", "51", "54", "91"}
    assert classify(decline) is (DeclineClass.HARD if never else DeclineClass.SOFT_ISSUER)


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("approved_by_network", DeclineClass.SOFT_ISSUER),
        ("declined_by_network", DeclineClass.SOFT_ISSUER),
        ("not_sent_to_network", DeclineClass.HARD),
        ("reversed_after_approval", DeclineClass.SOFT_ISSUER),
        ("a_status_of_next_year", DeclineClass.SOFT_ISSUER),
        (None, DeclineClass.SOFT_ISSUER),
    ],
)
def test_every_network_status(status: str | None, told: DeclineClass) -> None:
    assert classify(Decline(code="generic_decline", network_status=status)) is told


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: f"{row.network}-{row.field}-{row.code}")
def test_every_row_says_what_it_means_and_where_that_is_written(row: object) -> None:
    assert row.words_for_staff.endswith(".")  # type: ignore[attr-defined]
    assert ".com" in row.source  # type: ignore[attr-defined]


def test_staff_read_mastercards_delays() -> None:
    told = staff_wording(Decline(code="insufficient_funds", network_advice_code="28", brand="mastercard"))
    assert "wait 6 days" in told


def test_every_budget_and_fee_names_its_source() -> None:
    assert BUDGET_SOURCES.keys() == BUDGETS.keys()
    assert all(BUDGET_SOURCES.values())
    assert {network for network, _ in FEES} == {"visa", "mastercard"}
    assert all(fee.amount > 0 and ".com" in fee.source for fee in FEES.values())
    assert FEES["mastercard", WithheldBy.BUDGET].amount == 50


@pytest.mark.parametrize(
    ("decline", "charged"),
    [
        (Decline("do_not_honor", None, "03", brand="mastercard"), True),
        (Decline("do_not_honor", None, "21", brand="mastercard"), True),
        (Decline("do_not_honor", None, "02", brand="mastercard"), False),
        (Decline("do_not_honor", None, "03"), False),
        (Decline("lost_card", network_decline_code="41", brand="visa"), True),
        (Decline("lost_card", network_decline_code="41", brand="amex"), False),
        (Decline("lost_card", brand="visa"), False),
        (Decline("do_not_honor", "do_not_try_again", brand="visa"), False),
    ],
)
def test_a_fee_is_only_counted_after_a_stop_for_which_one_is_published(
    decline: Decline, *, charged: bool
) -> None:
    assert charged_after(decline) is charged
