"""Accounts: the first one, links to choose a password, and that somebody stays admin."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from browser.house import furnish
from signed_in import open_session

from dunning.core.clock import VirtualClock
from dunning.core.people import Role, password_refusal, usable_email
from dunning.errors import Unusable
from dunning.flows import people, signing_in, tokens
from dunning.flows.house import House
from dunning.store import audit
from dunning.store import people as kept

PASSWORD = "a sentence that is easy to remember"
MORNING = datetime(2027, 3, 18, 8, tzinfo=UTC)
ANA = {"email": "Ana@Juniper.example", "name": "Ana  Ferreira", "password": PASSWORD}


@pytest.fixture
def house(database_url: str) -> Iterator[House]:
    found, _ = furnish(database_url, recoveries=0)
    yield replace(found, wall=VirtualClock(MORNING))
    found.store.engine.dispose()


def later(house: House, **passed: int) -> None:
    house.wall.advance_to(house.wall.now() + timedelta(**passed))  # type: ignore[attr-defined]


def test_the_token_of_the_console_makes_the_first_admin_once(house: House) -> None:
    earlier, token = people.offer_setup(house), people.offer_setup(house)
    assert earlier
    assert token
    with pytest.raises(Unusable, match="not the token"):
        people.set_up(house, "guessed", **ANA)
    user = people.set_up(house, f" {token} ", **ANA)
    assert (user.email, user.name, user.role) == ("ana@juniper.example", "Ana Ferreira", "admin")
    with pytest.raises(Unusable, match="an account already"):
        people.set_up(house, earlier, **{**ANA, "email": "eve@x.example"})
    assert people.offer_setup(house) is None


def test_the_token_is_good_for_a_day(house: House) -> None:
    token = people.offer_setup(house) or ""
    later(house, hours=24)
    with pytest.raises(Unusable, match="too old"):
        people.set_up(house, token, **ANA)


def test_two_who_set_up_at_once_do_not_both_become_the_first(house: House) -> None:
    offered = [people.offer_setup(house) or "" for _ in range(2)]
    ended: list[str] = []

    def set_up(number: int) -> None:
        try:
            people.set_up(house, offered[number], **{**ANA, "email": f"{number}@x.example"})
            ended.append("made")
        except Unusable:
            ended.append("refused")

    both = [threading.Thread(target=set_up, args=(number,)) for number in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(ended) == ["made", "refused"]


def test_a_person_chooses_a_password_with_a_link_once(house: House) -> None:
    user, secret = people.add(house, email="bo@x.example", name="Bo", role=Role.STAFF, by="ana")
    again = people.reset_link(house, "BO@x.example", by="ana")
    with pytest.raises(Unusable, match="used up or too old"):
        people.choose_password(house, secret, PASSWORD)  # the newest link is the only one
    with pytest.raises(Unusable, match="12 characters"):
        people.choose_password(house, again, "short")
    people.choose_password(house, again, PASSWORD)
    with pytest.raises(Unusable, match="used up"):
        people.choose_password(house, again, PASSWORD)
    entered = signing_in.sign_in(house, "bo@x.example", PASSWORD, address="::1", agent="")
    assert entered.secret
    person = signing_in.person(house, entered.secret)
    assert person is not None
    assert (person.user_id, person.role) == (user.id, Role.STAFF)


def test_nobody_is_added_twice_or_under_an_address_that_is_none(house: House) -> None:
    people.add(house, email="bo@x.example", name="Bo", role=Role.STAFF, by="ana")
    with pytest.raises(Unusable, match="has an account already"):
        people.add(house, email="BO@x.example", name="Bo", role=Role.ADMIN, by="ana")
    with pytest.raises(Unusable, match="is not an address"):
        people.add(house, email="bo", name="Bo", role=Role.ADMIN, by="ana")


def test_the_last_admin_stays_one(house: House) -> None:
    people.set_up(house, people.offer_setup(house) or "", **ANA)
    people.add(house, email="bo@x.example", name="Bo", role=Role.ADMIN, by="ana")  # has no password yet
    for act in (
        lambda: people.set_role(house, "ana@juniper.example", Role.STAFF, by="ana"),
        lambda: people.disable(house, "ana@juniper.example", by="ana"),
    ):
        with pytest.raises(Unusable, match="Nobody else could sign in as admin"):
            act()
    open_session(house, Role.ADMIN)
    people.set_role(house, "ana@juniper.example", Role.STAFF, by="ana")


def test_what_is_kept_opens_nothing(house: House) -> None:
    """Sessions, links and tokens are kept as fingerprints, passwords as argon2id."""
    setup = people.offer_setup(house) or ""
    people.set_up(house, setup, **ANA)
    entered = signing_in.sign_in(house, "ana@juniper.example", PASSWORD, address="::1", agent="")
    _, link = people.add(house, email="bo@x.example", name="Bo", role=Role.STAFF, by="ana")
    _, token = tokens.create(house, name="nightly", scopes=["read"], by="ana")
    with house.store.read() as connection:
        kept_texts = ""
        for table in ("users", "sessions", "user_links", "api_tokens", "audit_log", "login_tries"):
            kept_texts += str(connection.exec_driver_sql(f"SELECT * FROM {table}").all())
        assert "$argon2id$" in kept_texts
        user = kept.by_email(connection, "ana@juniper.example")
        assert audit.broken(connection) is None
    assert user is not None
    assert user.signed_in_at == MORNING
    for secret in (setup, entered.secret or "?", link, token, PASSWORD):
        assert secret not in kept_texts


def test_a_token_works_until_it_is_revoked_or_too_old(house: House) -> None:
    token_id, secret = tokens.create(house, name="nightly", scopes=["write"], by="ana", days=30)
    program = signing_in.program(house, secret)
    assert program is not None
    assert (program.by, program.rights) == (f"token nightly ({token_id})", {"read", "act"})
    later(house, days=30)
    assert signing_in.program(house, secret) is None
    token_id, secret = tokens.create(house, name="forever", scopes=["finance"], by="ana")
    tokens.revoke(house, token_id, by="ana")
    assert signing_in.program(house, secret) is None
    with pytest.raises(Unusable, match="no token"):
        tokens.revoke(house, token_id, by="ana")
    for wrong in ({"scopes": ["root"]}, {"scopes": []}, {"name": " "}, {"days": 0}):
        with pytest.raises(Unusable):
            tokens.create(house, **{"name": "x", "scopes": ["read"], "by": "ana", **wrong})


@pytest.mark.parametrize(
    "password", ["elevenchars", "x" * 201, "ana@juniper.example", "aaaaaaaaaaaaaaaa", "abababababababab"]
)
def test_a_password_that_is_guessed_at_once_is_refused(password: str) -> None:
    assert password_refusal(password, "ana@juniper.example")


@pytest.mark.parametrize(
    "text",
    ["", "ana", "a b@x.example", "ana@", "@x", "<ana@x.example>", "a@b@c", "ana@x" + "x" * 260],
)
def test_what_is_no_address_is_no_account(text: str) -> None:
    assert usable_email(text) is None
