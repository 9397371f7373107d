"""Campaigns as files, in TOML or JSON: read with the line of everything that cannot be meant, and written.

    key = "standard"
    name = "Three friendly reminders"

    [[steps]]
    key = "first"
    offset = "6h"                       # from the anchor: 6h, 4d, 1d12h
    anchor = "opened"                   # opened | invoice_due | after_retry | before_retry | last_chance
    template = "payment_failed"
    condition = "always"                # customer_must_act | retry_can_help | retry_failed | link_not_used
    channel = "email"                   # email | sms | in_app | webhook | call
    recipient = "customer"              # customer | second_contact | staff
    approval = false                    # true: it waits until a person has approved its words
    only = { currency = "eur", amount_from = 50000 }   # the fields of `dunning segment export`
    task = "Call them."                 # of a call: what staff are asked to do
    arms = ["calls"]                    # of a campaign with arms: which of them get the step

    [[arms]]                            # two to four ways, tried on random shares that make 100 %
    key = "calls"
    share = "50%"

JSON has the same keys, with `steps` and `arms` lists of objects.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from typing import Any, Final

from dunning.core.campaign import Anchor, Campaign, CampaignArm, Step, When
from dunning.core.conditions import Condition
from dunning.core.experiments import said
from dunning.core.spans import span_of, spelled
from dunning.core.toml import spelt
from dunning.core.vocabulary import Channel, Recipient

TOP: Final = ("key", "name", "version", "steps", "arms")
STEP: Final = (
    "key", "offset", "anchor", "template", "condition", "channel", "recipient", "approval", "only",
    "task", "arms",
)  # fmt: skip
ARM: Final = ("key", "share")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that keeps a campaign from being used: its line (from 1), its field, and a sentence."""

    line: int
    field: str
    sentence: str


class NotReadable(Exception):
    """The file is neither TOML nor JSON; `problem` says where it stops being so."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Source:
    """A campaign's text with what it says, and where its steps begin."""

    text: str
    is_json: bool
    values: Any

    def line_of(self, field: str, number: int | None = None, table: str = "steps") -> int:
        """Return the line of a field, or of the table (a step or arm, from 0) or the file that lacks it."""
        start, end = self._extent(number, table)
        quoted = rf'"{re.escape(field)}"\s*:' if self.is_json else rf"^[ \t]*{re.escape(field)}[ \t]*="
        found = re.compile(quoted, re.MULTILINE).search(self.text, start, end)
        where = found.start() if found else start
        return self.text.count("\n", 0, where) + 1

    def _extent(self, number: int | None, table: str) -> tuple[int, int]:
        if number is None:
            return 0, len(self.text)
        begins = [*self._begins(table), len(self.text)]
        return (begins[number], begins[number + 1]) if number + 1 < len(begins) else (0, len(self.text))

    def _begins(self, table: str) -> Iterator[int]:
        if not self.is_json:
            yield from (
                m.start() for m in re.finditer(rf"^[ \t]*\[\[\s*{table}\s*\]\]", self.text, re.MULTILINE)
            )
            return
        listed = re.search(rf'"{table}"\s*:\s*\[', self.text)
        at, decoder = listed.end() if listed else len(self.text), json.JSONDecoder()
        while (opening := re.compile(r"[\s,]*(?=[^\s,\]])").match(self.text, at)) is not None:
            yield opening.end()
            _, at = decoder.raw_decode(self.text, opening.end())


def read(text: str, *, is_json: bool) -> Source:
    """Return what a file says.

    Raises:
        NotReadable: with the line at which it stops being TOML or JSON.
    """
    try:
        return Source(text, is_json, json.loads(text) if is_json else tomllib.loads(text))
    except json.JSONDecodeError as error:
        raise NotReadable(Problem(error.lineno, "", f"not JSON: {error.msg}.")) from None
    except RecursionError:
        raise NotReadable(Problem(1, "", "it nests too deep to be a campaign.")) from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        at = int(line[1]) if line else text.count("\n") + 1
        raise NotReadable(Problem(at, "", f"not TOML: {error}.")) from None


def campaign(source: Source) -> Campaign:
    """Return the campaign of a file that has no problems."""
    values = source.values
    arms = tuple(
        CampaignArm(raw["key"], share_of(raw["share"]) or Fraction(0)) for raw in values.get("arms", ())
    )
    steps = tuple(_step(raw) for raw in values["steps"])
    return Campaign(values["key"], values.get("version", 1), values["name"], steps, arms)


def as_toml(found: Campaign) -> str:
    """Return a campaign as TOML that `read` reads back."""
    lines = [f"key = {spelt(found.key)}", f"name = {spelt(found.name)}", f"version = {found.version}"]
    for arm in found.arms:
        lines += ["", "[[arms]]", f"key = {spelt(arm.key)}", f"share = {spelt(said(arm.share))}"]
    for step in found.steps:
        lines += ["", "[[steps]]", *(f"{name} = {_toml(value)}" for name, value in words(step).items())]
    return "\n".join(lines) + "\n"


def as_json(found: Campaign) -> str:
    """Return a campaign as JSON that `read` reads back."""
    values: dict[str, Any] = {"key": found.key, "name": found.name, "version": found.version}
    if found.arms:
        values["arms"] = [{"key": arm.key, "share": said(arm.share)} for arm in found.arms]
    values["steps"] = [words(step) for step in found.steps]
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def share_of(text: object) -> Fraction | None:
    """Return the share of an arm that `50%` or `33.3%` says; None for what is no share."""
    number, sign, rest = text.strip().partition("%") if isinstance(text, str) else ("", "", "")
    try:
        share = Fraction(number.strip()) / 100
    except (ValueError, ZeroDivisionError):
        return None
    return share if sign and not rest and 0 < share < 1 else None


def words(step: Step) -> dict[str, Any]:
    """Return a step in the words of a file; what is as usual is left out."""
    usual = Step("", timedelta(0), "")
    always = {"key": step.key, "offset": spelled(step.offset), "template": step.template}
    always |= {"condition": step.condition.value, "channel": str(step.channel)}
    more: dict[str, Any] = {
        "anchor": str(step.anchor),
        "recipient": str(step.recipient),
        "approval": step.approval,
        "only": step.only.dumps(),
        "task": step.task,
        "arms": list(step.arms),
    }
    unusual = {name: value for name, value in more.items() if value and value != getattr(usual, name)}
    return {name: value for name, value in (always | unusual).items() if value or name != "template"}


def _step(raw: dict[str, Any]) -> Step:
    return Step(
        key=raw["key"],
        offset=span_of(raw["offset"]) or timedelta(0),
        template=raw.get("template", ""),
        condition=When(raw.get("condition", When.ALWAYS)),
        channel=Channel(raw.get("channel", Channel.EMAIL)),
        anchor=Anchor(raw.get("anchor", Anchor.OPENED)),
        recipient=Recipient(raw.get("recipient", Recipient.CUSTOMER)),
        approval=raw.get("approval", False),
        only=Condition.loads(raw.get("only", {})),
        arms=tuple(raw.get("arms", ())),
        task=raw.get("task", ""),
    )


def _toml(value: Any) -> str:
    if not isinstance(value, dict):
        return spelt(value)
    return f"{{ {', '.join(f'{name} = {spelt(one)}' for name, one in value.items())} }}"
