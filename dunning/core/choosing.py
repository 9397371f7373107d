"""Which campaign a recovery opens under: the first rule of a published list that fits its invoice."""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from dunning.core.campaign import STANDARD
from dunning.core.conditions import Condition, Known, NotUsable, first_match
from dunning.core.toml import spelt

_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
EXAMPLE: Final = """\
# The first rule that fits a failed invoice names its campaign; what fits none opens under `standard`.
# The fields of `when` are those of `dunning segment export`; all that are named must hold.
#
# [[rule]]
# campaign = "expired_card"
# [rule.when]
# decline_code = "expired_card"
"""


@dataclass(frozen=True, slots=True)
class CampaignRule:
    """Where `when` holds, the recovery opens under the newest version of the campaign."""

    campaign: str
    when: Condition = field(default_factory=Condition)


@dataclass(frozen=True, slots=True)
class CampaignRules:
    """All rules, in the order in which they are tried; one version of many."""

    all: tuple[CampaignRule, ...] = ()
    version: int = 0

    def choose(self, known: Known) -> str:
        """Return the key of the campaign for a failed invoice."""
        found = first_match(self.all, known)
        return STANDARD if found is None else found.campaign

    def dumps(self) -> list[dict[str, Any]]:
        """Return the rules, JSON-ready."""
        return [{"campaign": rule.campaign, "when": rule.when.dumps()} for rule in self.all]

    @classmethod
    def loads(cls, said: Iterable[Mapping[str, Any]], version: int = 0) -> Self:
        """Return the rules that a file or `dumps` says.

        Raises:
            NotUsable: a rule cannot work, or can never be reached; the sentence names it.
        """
        read: list[CampaignRule] = []
        for number, one in enumerate(said, 1):
            if read and read[-1].when.empty:
                raise NotUsable(f"Rule {number} is never reached: the rule above it takes everything.")
            read.append(_rule(number, one))
        return cls(tuple(read), version)

    @classmethod
    def read(cls, text: str, campaigns: Collection[str]) -> Self:
        """Return the rules of a TOML text of `[[rule]]` tables; `campaigns` are those that are published.

        Raises:
            NotUsable: it is not TOML, or a rule cannot work.
        """
        try:
            said = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise NotUsable(f"This is not TOML: {error}.") from None
        tables = said.pop("rule", [])
        if said or not isinstance(tables, list):
            raise NotUsable(
                f"{', '.join(said) or 'rule'!r} is unknown here: write one [[rule]] table for each."
            )
        found = cls.loads(tables)
        for number, rule in enumerate(found.all, 1):
            if rule.campaign not in campaigns:
                there = ", ".join(sorted(campaigns)) or "none"
                raise NotUsable(
                    f"Rule {number}: no campaign {rule.campaign!r} is published; there are {there}."
                )
        return found

    def written(self) -> str:
        """Return the TOML text that `read` reads."""
        return "\n".join(_written(rule) for rule in self.all)


def _rule(number: int, said: Any) -> CampaignRule:
    if not isinstance(said, Mapping) or not set(said) <= {"campaign", "when"}:
        raise NotUsable(f"Rule {number}: a [[rule]] table has a `campaign` and a `when`.")
    key, when = said.get("campaign"), said.get("when", {})
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise NotUsable(f"Rule {number} needs a `campaign`: the key of a published one, such as standard.")
    if not isinstance(when, Mapping):
        raise NotUsable(f'Rule {number}: `when` is a table of fields, such as currency = "eur".')
    try:
        return CampaignRule(key, Condition.loads(when))
    except NotUsable as error:
        raise NotUsable(f"Rule {number}: {error}") from None


def _written(rule: CampaignRule) -> str:
    lines = ["[[rule]]", f"campaign = {spelt(rule.campaign)}", "[rule.when]"]
    return (
        "\n".join([*lines, *(f"{name} = {spelt(value)}" for name, value in rule.when.dumps().items())]) + "\n"
    )
