"""Links, ids, money, policy: small values that must not surprise anybody."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dunning.core.clock import VirtualClock, utc
from dunning.core.ids import derive_id, ordinal_of, pay_key
from dunning.core.links import make_token, read_token
from dunning.core.money import THREE_DECIMAL, ZERO_DECIMAL, CurrencyMismatch, Money, exponent
from dunning.core.policy import Policy

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
SECRET = b"0123456789abcdef0123456789abcdef"
LINK = "lnk_01jd3kabcdefghijklmnopqr"


def test_a_token_opens_its_own_link() -> None:
    assert read_token(make_token(LINK, SECRET), SECRET) == LINK
    assert make_token(LINK, SECRET) == make_token(LINK, SECRET)


def test_a_token_with_any_one_character_changed_opens_nothing() -> None:
    token = make_token(LINK, SECRET)
    for place, found in enumerate(token):
        for other in ("A", "b", "7", "-", "_", ".", "é"):
            if other != found:
                changed = token[:place] + other + token[place + 1 :]
                assert read_token(changed, SECRET) is None, changed
        assert read_token(token[:place] + token[place + 1 :], SECRET) is None
    for more in ("A", ".", " ", "\n", "="):
        assert read_token(token + more, SECRET) is None


def test_a_token_made_with_another_secret_opens_nothing() -> None:
    assert read_token(make_token(LINK, b"another secret, just as long......"), SECRET) is None


@given(st.text(max_size=80))
def test_no_text_that_somebody_makes_up_opens_anything_or_breaks(text: str) -> None:
    assume(text != make_token(text.partition(".")[0], SECRET))
    assert read_token(text, SECRET) is None


def test_a_token_is_an_address_as_it_stands() -> None:
    from urllib.parse import quote

    token = make_token(LINK, SECRET)
    assert quote(token) == token


instants = st.datetimes(datetime(2020, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


@given(instants, instants)
def test_later_ids_sort_after_earlier_ones(one: datetime, other: datetime) -> None:
    assume(abs(one - other) >= timedelta(milliseconds=1))
    ids = [derive_id("rec", at, "x") for at in sorted((one, other))]
    assert ids == sorted(ids)


def test_an_id_says_what_it_is_and_is_derived_not_drawn() -> None:
    made = derive_id("att", NOW, "self", "in_1", 1)
    assert made == derive_id("att", NOW, "self", "in_1", 1)
    assert made.startswith("att_")
    assert len(made) == len("att_") + 24
    others = {derive_id("att", NOW, "self", "in_1", 2), derive_id("att", NOW, "selfin_1", 1)}
    assert made not in others


def test_the_parts_of_an_id_do_not_run_into_each_other() -> None:
    assert derive_id("a", NOW, "ab", "c") != derive_id("a", NOW, "a", "bc")


@given(st.from_regex(r"self|acct_[A-Za-z0-9]{8}", fullmatch=True), st.integers(1, 10**6))
def test_the_ordinal_is_read_back_from_our_own_key(account: str, ordinal: int) -> None:
    assert ordinal_of(pay_key(account, "in_1", ordinal), account, "in_1") == ordinal


@pytest.mark.parametrize(
    "key",
    [
        None,
        "",
        "9f0c3b52-7a1e-4b77-a111-000000000000",
        "v1:pay:self:in_2:1",
        "v1:pay:acct_1:in_1:1",
        "v1:pay:self:in_1:",
        "v1:pay:self:in_1:-1",
        "v1:pay:self:in_1:1:1",
        "v1:mail:self:in_1:1",
        "v1:pay:self:in_11:1",
    ],
)
def test_nobody_elses_key_is_taken_for_ours(key: str | None) -> None:
    assert ordinal_of(key, "self", "in_1") is None


def test_the_pay_key_is_the_published_one() -> None:
    assert pay_key("self", "in_1", 3) == "v1:pay:self:in_1:3"


@pytest.mark.parametrize(
    ("currency", "places"),
    [
        ("usd", 2),
        ("EUR", 2),
        ("jpy", 0),
        ("KRW", 0),
        ("kwd", 3),
        ("BHD", 3),
        ("isk", 2),
        ("ugx", 2),
        ("huf", 2),
    ],
)
def test_a_currency_has_stripes_own_decimal_places(currency: str, places: int) -> None:
    assert exponent(currency) == places


def test_no_currency_stands_in_two_tables() -> None:
    assert not ZERO_DECIMAL & THREE_DECIMAL
    assert all(len(code) == 3 and code.islower() for code in ZERO_DECIMAL | THREE_DECIMAL)


@pytest.mark.parametrize("amount", [19.99, 20.0, True, False, "20", None, Decimal(20)])
def test_money_takes_whole_minor_units_and_nothing_else(amount: object) -> None:
    with pytest.raises(TypeError):
        Money(amount, "usd")  # type: ignore[arg-type]


def test_two_currencies_are_never_summed() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(1, "usd") + Money(1, "eur")
    with pytest.raises(CurrencyMismatch):
        Money(1, "usd") - Money(1, "eur")
    assert Money(1, "usd") + Money(2, "USD") == Money(3, "usd")


@given(st.integers(-(10**15), 10**15), st.sampled_from(["usd", "jpy", "kwd"]))
def test_the_decimal_of_an_amount_is_exact(amount: int, currency: str) -> None:
    shown = Money(amount, currency).decimal()
    assert shown * 10 ** exponent(currency) == amount
    assert Money(amount, currency) - Money(amount, currency) == Money(0, currency)


@pytest.mark.parametrize(
    ("amount", "currency", "shown"),
    [
        (123456789, "usd", "1,234,567.89 USD"),
        (5000, "jpy", "5,000 JPY"),
        (-1005, "kwd", "-1.005 KWD"),
        (0, "eur", "0.00 EUR"),
    ],
)
def test_money_is_shown_with_its_own_places(amount: int, currency: str, shown: str) -> None:
    assert str(Money(amount, currency)) == shown


def test_a_policy_survives_being_written_down() -> None:
    other = replace(Policy(), version=4, window=timedelta(days=21), gap=timedelta(hours=6))
    for policy in (Policy(), other):
        written = json.loads(json.dumps(policy.dumps()))
        assert Policy.loads(written) == policy
        assert set(written) == {field.name for field in fields(Policy)}


def test_a_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        utc(datetime(2026, 3, 2, 9))  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="no time zone"):
        VirtualClock(datetime(2026, 3, 2, 9))  # noqa: DTZ001 - that is the point


def test_a_virtual_clock_never_runs_backwards() -> None:
    clock = VirtualClock(NOW)
    clock.advance_to(NOW + timedelta(hours=1))
    clock.advance_to(NOW)
    assert clock.now() == NOW + timedelta(hours=1)
