"""The audit log has what people change in campaigns, texts, the look, addresses, listeners and contacts."""

from typing import Any

from flows.test_audit import BY, entries, house, one, whole

from dunning.core import campaign_file
from dunning.core.campaign import BUILT_IN
from dunning.core.sending import Sending
from dunning.flows import campaigns, contacting, listening, looks, moving, suppressing, texts
from dunning.flows.house import House
from dunning.store.contacts import SECOND

__all__ = ["house"]
RULES = '[[rule]]\ncampaign = "standard"\n[rule.when]\ncurrency = "eur"\n'


def kept(house: House) -> dict[str, Any]:
    assert whole(house) is None
    assert {row["actor"] for row in entries(house)} <= {BY}
    return {row["action"]: row for row in entries(house)}


def test_campaigns_their_rules_and_the_hours_are_kept(house: House) -> None:
    text = campaign_file.as_toml(BUILT_IN).replace('name = "', 'name = "Our ', 1)
    for _ in range(2):  # what is in force already is no change
        campaigns.publish(house, text, by=BY)
        campaigns.publish_rules(house, RULES, by=BY)
        campaigns.set_sending(house, Sending(a_week=3), by=BY)
    campaigns.save_draft(house, text, by=BY)
    assert campaigns.drop_draft(house, "standard", by=BY)
    assert not campaigns.drop_draft(house, "standard", by=BY)
    found = kept(house)
    assert found["campaign.publish"]["object"] == "campaign standard 2"
    assert any("Our " in line for line in found["campaign.publish"]["after"]["diff"])
    assert found["campaign_rules.publish"]["after"]["rules"][0]["campaign"] == "standard"
    assert (found["sending.set"]["before"], found["sending.set"]["after"]) == ({"a_week": 5}, {"a_week": 3})
    assert {"campaign.save_draft", "campaign.drop_draft"} <= set(found)
    assert len(entries(house)) == 5
    recovery_id = one(house, "scheduled")
    assert moving.move(house, recovery_id, "standard", by=BY).done
    moved = kept(house)["recovery.move_campaign"]
    assert (moved["object"], moved["after"]) == (recovery_id, {"campaign": "standard version 2"})


def test_texts_the_look_addresses_listeners_and_contacts_are_kept(house: House) -> None:
    recovery_id = one(house, "scheduled")
    built_in = texts.text_of(house, "payment_failed", "en").source
    assert texts.publish(house, "payment_failed", "en", f"{built_in}\nThank you.\n", by=BY).changed
    texts.roll_back(house, "payment_failed", "en", 0, by=BY)
    looks.publish(house, {"colour": "#0b6b4f"}, by=BY)
    for _ in range(2):
        suppressing.suppress(house, "Lee@Acme.example", why="asked us", by=BY)
    suppressing.release(house, "lee@acme.example", by=BY)
    listener = listening.add(house, "mailto:desk@acme.example", by=BY)
    listening.remove(house, listener.id, by=BY)
    contacting.keep(house, recovery_id, SECOND, "boss@acme.example", by=BY)
    found = kept(house)
    assert found["template.publish"]["after"] == {"version": 2, "note": "back to the built-in text"}
    assert found["look.publish"]["after"] == {"colour": "#0b6b4f"}
    assert found["address.suppress"]["after"] == {"why": "given"}
    assert found["address.release"]["object"] == found["address.suppress"]["object"]
    assert found["address.release"]["object"].startswith("hmac:")
    assert "lee" not in str(found["address.release"]).lower()
    assert "asked us" not in str(found["address.suppress"])
    assert found["webhook.add"]["after"]["target"] == "desk@acme.example"
    assert found["webhook.remove"]["object"] == listener.id
    assert "boss" not in str(found["contact.set"])
    assert len(entries(house)) == 8


def test_a_number_can_be_suppressed_and_released(house: House) -> None:
    assert suppressing.suppress(house, "+44 7700 900123", why="", by=BY).done
    assert suppressing.release(house, "+44 7700 900-123", by=BY).done
    assert not suppressing.suppress(house, "07700 900123", why="", by=BY).done
