"""Every type of event has an effect, or a stated reason for none."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from dunning.core.effects import RULES, SUBSCRIBED, Effect, rule_of


@pytest.mark.parametrize("event_type", RULES)
def test_a_rule_has_an_effect_or_says_why_not(event_type: str) -> None:
    rule = RULES[event_type]
    assert (rule.effect is Effect.NONE) == bool(rule.why)


def test_a_type_that_nobody_knows_has_no_effect_and_says_so() -> None:
    rule = rule_of("moon.landed")
    assert rule.effect is Effect.NONE
    assert rule.why


@pytest.mark.parametrize("event_type", RULES)
def test_a_thin_notification_does_what_its_snapshot_does(event_type: str) -> None:
    assert rule_of(f"v1.{event_type}") == RULES[event_type]


def test_we_subscribe_to_what_has_an_effect_and_to_nothing_else() -> None:
    assert set(SUBSCRIBED) == {name for name, rule in RULES.items() if rule.effect is not Effect.NONE}
    assert list(SUBSCRIBED) == sorted(SUBSCRIBED)


def test_every_effect_is_had_by_some_event() -> None:
    assert {rule.effect for rule in RULES.values()} == set(Effect)


def test_the_sandbox_sends_everything_that_has_an_effect() -> None:
    from dunning.sandbox.events import DUNNING_EVENTS

    assert set(SUBSCRIBED) - DUNNING_EVENTS <= {"invoice.overpaid"}


def sampled_types() -> Iterator[tuple[str, str]]:
    """Yield the type of every event in the samples, with its file's name."""
    folders = [Path(__file__).parent.parent / "fixtures" / "events"]
    if "STRIPE_SAMPLES" in os.environ:
        folders.append(Path(os.environ["STRIPE_SAMPLES"]))
    for path in sorted(path for folder in folders for path in folder.rglob("*.json")):
        found = json.loads(path.read_bytes())
        if isinstance(found, dict) and isinstance(found.get("type"), str):
            yield found["type"], path.name


def test_every_type_among_the_samples_is_known_or_has_the_rule_of_the_unknown() -> None:
    found = list(sampled_types())
    assert found
    for event_type, name in found:
        rule = rule_of(event_type)
        assert rule.effect is not Effect.NONE or rule.why, f"{name}: {event_type}"


def test_what_changes_the_money_of_an_invoice_has_an_effect() -> None:
    moves_money = {
        "invoice.paid",
        "invoice.voided",
        "invoice.marked_uncollectible",
        "refund.created",
        "charge.dispute.created",
        "charge.dispute.closed",
        "credit_note.created",
    }
    assert {name for name in moves_money if rule_of(name).effect is Effect.NONE} == set()
