"""Diaries of a merchant who treats large accounts differently: switches per segment."""

import pytest
from scenarios.stage import Stage

from dunning.core.vocabulary import Retries, Status
from dunning.errors import Unusable
from dunning.flows import switches
from dunning.store import segments

LARGE = """
[[segment]]
name = "large"
retries = "watch"
messages = "off"
[segment.when]
currency = "usd"
amount_from = 100000
"""


def publish(stage: Stage, text: str = LARGE) -> int:
    return switches.publish_segments(stage.house, text, by="ada")


def test_large_accounts_are_left_to_stripe_and_the_rest_is_ours(stage: Stage) -> None:
    publish(stage)
    small = stage.fails("insufficient_funds", amount=2900)
    large = stage.fails("insufficient_funds", amount=250_000)
    assert (stage.recovery(small).segment, stage.recovery(small).retries) == (None, Retries.OWN)
    assert (stage.recovery(large).segment, stage.recovery(large).retries) == ("large", Retries.WATCH)
    assert stage.invoice(small)["auto_advance"] is False
    assert stage.invoice(large)["auto_advance"] is True
    stage.pass_time(days=15)
    assert stage.charges(large, by="dunning") == []
    assert len(stage.charges(small, by="dunning")) > 0
    assert "sent" not in stage.messages(large).values()
    assert "sent" in stage.messages(small).values()


def test_a_segment_changes_hands_alone_and_is_released_alone(stage: Stage) -> None:
    publish(stage)
    small = stage.fails("insufficient_funds", amount=2900)
    large = stage.fails("insufficient_funds", amount=250_000)
    moved = switches.set_mode(stage.house, by="ada", retries=Retries.OWN, segment="large")
    stage.settle()
    assert moved == 1
    assert stage.recovery(large).status is Status.SCHEDULED
    assert stage.invoice(large)["auto_advance"] is False
    assert switches.set_mode(stage.house, by="ada", release=True, segment="large") == 1
    stage.settle()
    assert stage.recovery(large).status is Status.WATCHING
    assert stage.invoice(large)["auto_advance"] is True
    assert stage.recovery(small).status is Status.SCHEDULED
    assert stage.invoice(small)["auto_advance"] is False


def test_the_overall_mode_leaves_a_segment_with_a_mode_of_its_own_and_a_release_does_not(
    stage: Stage,
) -> None:
    publish(stage, LARGE.replace("watch", "own"))
    small = stage.fails("insufficient_funds", amount=2900)
    large = stage.fails("insufficient_funds", amount=250_000)
    assert switches.set_mode(stage.house, by="ada", retries=Retries.WEAVE) == 1
    assert (stage.recovery(small).retries, stage.recovery(large).retries) == (Retries.WEAVE, Retries.OWN)
    assert switches.set_mode(stage.house, by="ada", release=True) == 2
    stage.settle()
    for robin in (small, large):
        assert stage.recovery(robin).retries is Retries.WATCH
        assert stage.invoice(robin)["auto_advance"] is True


def test_the_kill_switch_of_a_segment_stops_its_charges_and_lets_stripe_make_none(stage: Stage) -> None:
    publish(stage, LARGE.replace("watch", "own").replace("off", "on"))
    small = stage.fails("insufficient_funds", amount=2900)
    switches.pause_all(stage.house, "the account manager calls", by="ada", segment="large")
    large = stage.fails("insufficient_funds", amount=250_000)
    stage.skip_time(hours=48)
    assert stage.charges(large) == ["declined"]
    assert stage.invoice(large)["auto_advance"] is False
    assert "sent" not in stage.messages(large).values()
    assert len(stage.charges(small)) + len([m for m in stage.messages(small).values() if m == "sent"]) > 1
    switches.resume_all(stage.house, by="ada", segment="large")
    stage.pass_time(days=8)
    assert len(stage.charges(large, by="dunning")) > 0


def test_a_recovery_stays_in_its_segment_until_that_is_gone(stage: Stage) -> None:
    publish(stage)
    large = stage.fails("insufficient_funds", amount=250_000)
    publish(stage, LARGE.replace("100000", "300000"))
    assert stage.recovery(large).retries is Retries.WATCH
    assert publish(stage, "") == 1
    assert stage.recovery(large).retries is Retries.OWN
    with stage.house.store.read() as connection:
        assert segments.current(connection).version == 3


def test_what_cannot_work_changes_nothing(stage: Stage) -> None:
    publish(stage)
    with pytest.raises(Unusable, match="known: large"):
        switches.set_mode(stage.house, by="ada", retries=Retries.OWN, segment="huge")
    with pytest.raises(Unusable, match="three small letters"):
        publish(stage, LARGE.replace("usd", "dollars"))
    switches.pause_all(stage.house, "a call", by="ada", segment="large")
    with pytest.raises(Unusable, match="resume it before"):
        publish(stage, "")
    publish(stage, LARGE)
    with stage.house.store.read() as connection:
        large = segments.current(connection).named("large")
    assert large is not None
    assert large.paused == "a call"
