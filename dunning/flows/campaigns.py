"""Campaigns as people make them: checked, drafted, published, chosen among; the same guards for all doors."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from dunning.core import campaign_checks, campaign_file, ready_made
from dunning.core.audit import changed
from dunning.core.campaign import STANDARD, Campaign
from dunning.core.campaign_file import NotReadable, Problem
from dunning.core.choosing import CampaignRules
from dunning.core.conditions import NotUsable
from dunning.core.sending import Sending
from dunning.errors import Unusable
from dunning.flows.house import House
from dunning.store import audit, campaigns, rules, sending

DRAFT_MOST = 40_000


@dataclass(frozen=True, slots=True)
class Checked:
    """A campaign as a text says it, or everything that keeps the text from being one, by line."""

    campaign: Campaign | None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """What became of a text: the version in force and how it differs, or the problems; `in_flight` stay."""

    campaign: Campaign | None
    problems: tuple[Problem, ...] = ()
    changed: bool = False
    diff: tuple[str, ...] = ()
    in_flight: int = 0  # open recoveries on older versions, which keep theirs


def templates_in(folder: Path) -> frozenset[str]:
    """Return the names of the message templates that there are."""
    return frozenset(one.name for one in folder.iterdir() if one.is_dir() and not one.name.startswith("_"))


def check(text: str, templates: frozenset[str], *, is_json: bool = False) -> Checked:
    """Return the campaign that a text says, or its problems."""
    try:
        source = campaign_file.read(text, is_json=is_json)
    except NotReadable as error:
        return Checked(None, (error.problem,))
    found = tuple(campaign_checks.problems(source, templates))
    return Checked(None if found else campaign_file.campaign(source), found)


def publish(house: House, text: str, *, by: str, is_json: bool = False) -> Published:
    """Put a text into force for recoveries that open from now on; one with a problem changes nothing.

    The draft of that campaign, if there is one, has become the version.
    """
    checked = check(text, templates_in(house.templates / "email"), is_json=is_json)
    if checked.campaign is None:
        return Published(None, checked.problems)
    with house.store.write() as connection:
        found = _put(connection, house, checked.campaign, by)
        campaigns.drop_draft(connection, checked.campaign.key)
        _enter(connection, house, [found], by)
    return found


def publish_ready_made(house: House, *, by: str) -> list[Published]:
    """Publish the campaigns that come with dunning, and the rules that choose among them, in one go.

    Raises:
        Unusable: rules of one's own are in force, which these would take the place of.
    """
    with house.store.write() as connection:
        own = campaigns.current_rules(connection)
        if own.all and own.all != ready_made.rules().all:
            raise Unusable("Rules of your own choose the campaigns: publish the ready-made ones one by one.")
        made = ready_made.ready_made(templates_in(house.templates / "email"))
        done = [_put(connection, house, one, by) for one in made]
        _put_rules(connection, house, ready_made.rules(), by)
        _enter(connection, house, done, by)
    return done


def publish_rules(house: House, text: str, *, by: str) -> int:
    """Put the rules of a TOML text into force; return the number of the version that holds.

    Raises:
        Unusable: the text cannot work, or names a campaign that was never published.
    """
    with house.store.write() as connection:
        rules.current_campaign(connection, house.clock.now())
        known = {row["key"] for row in campaigns.published(connection)}
        try:
            wanted = CampaignRules.read(text, known)
        except NotUsable as error:
            raise Unusable(str(error)) from None
        return _put_rules(connection, house, wanted, by)


def save_draft(house: House, text: str, *, by: str) -> tuple[str, tuple[Problem, ...]]:
    """Keep a text as the draft of its campaign; return its key, and what would keep it from being published.

    Raises:
        Unusable: it is too long, or names no key to keep it under.
    """
    if len(text) > DRAFT_MOST:
        raise Unusable(f"A draft has {DRAFT_MOST:,} letters at most.")
    checked = check(text, templates_in(house.templates / "email"))
    key = checked.campaign.key if checked.campaign else _key_in(text)
    if key is None:
        raise Unusable('Nothing was saved: the draft needs a line such as key = "standard".')
    with house.store.write() as connection:
        now = house.clock.now()
        campaigns.save_draft(connection, key, text, at=now, by=by)
        audit.append(connection, at=now, by=by, action="campaign.save_draft", about=f"campaign {key}")
    return key, checked.problems


def drop_draft(house: House, key: str, *, by: str) -> bool:
    """Throw a campaign's draft away; return whether there was one."""
    with house.store.write() as connection:
        dropped = campaigns.drop_draft(connection, key)
        if dropped:
            now, about = house.clock.now(), f"campaign {key}"
            audit.append(connection, at=now, by=by, action="campaign.drop_draft", about=about)
    return dropped


def set_sending(house: House, wanted: Sending, *, by: str) -> None:
    """Put rules of sending into force: hours, days off, caps."""
    with house.store.write() as connection:
        was, becomes = changed(sending.current(connection).dumps(), wanted.dumps())
        now = house.clock.now()
        sending.put(connection, wanted, at=now, by=by)
        if becomes:
            act = "sending.set"
            audit.append(connection, at=now, by=by, action=act, about="sending", before=was, after=becomes)


def difference(before: Campaign | None, after: Campaign) -> tuple[str, ...]:
    """Return how one version differs from another, as lines that begin with +, - or a blank."""
    old = _lines(before) if before is not None else []
    lines = difflib.unified_diff(old, _lines(after), lineterm="", n=2)
    return tuple(line for line in lines if not line.startswith(("---", "+++")))


def _lines(campaign: Campaign) -> list[str]:
    text = campaign_file.as_toml(replace(campaign, version=1))
    return [line for line in text.splitlines() if not line.startswith("version =")]


def _put(connection: Connection, house: House, wanted: Campaign, by: str) -> Published:
    if wanted.key == STANDARD:
        rules.current_campaign(connection, house.clock.now())  # the built-in one is its first version
    before = campaigns.version(connection, wanted.key)
    now = house.clock.now()
    made = campaigns.publish(connection, wanted, at=now, by=by)
    changed = before is None or made.version != before.version
    running = campaigns.in_flight(connection)
    older = sum(
        count for (key, number), count in running.items() if key == made.key and number < made.version
    )
    lines = difference(before, made) if changed else ()
    return Published(made, changed=changed, diff=lines, in_flight=older if changed else 0)


def _put_rules(connection: Connection, house: House, wanted: CampaignRules, by: str) -> int:
    """Put rules into force, and enter into the audit log what they choose among now, where that is other."""
    before, now = campaigns.current_rules(connection), house.clock.now()
    number = campaigns.publish_rules(connection, wanted, at=now, by=by)
    if wanted.all != before.all:
        was, becomes = ({"rules": each.dumps()} for each in (before, wanted))
        about, act = f"campaign rules {number}", "campaign_rules.publish"
        audit.append(connection, at=now, by=by, action=act, about=about, before=was, after=becomes)
    return number


def _enter(connection: Connection, house: House, done: Sequence[Published], by: str) -> None:
    """Enter into the audit log which campaigns have a new version, and how it differs."""
    for one in done:
        if one.campaign is not None and one.changed:
            about, after = f"campaign {one.campaign.key} {one.campaign.version}", {"diff": list(one.diff)}
            audit.append(
                connection, at=house.clock.now(), by=by, action="campaign.publish", about=about, after=after
            )


def _key_in(text: str) -> str | None:
    """Return the key that a text names, however broken the rest of it is."""
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        word = value.split("#")[0].strip().strip("\"'")
        if equals and name.strip() == "key" and campaign_checks.KEY.fullmatch(word):
            return word
    return None
