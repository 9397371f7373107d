"""The command that compares ways of retrying on the merchant's own log."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house
from dunning.errors import Unusable

if TYPE_CHECKING:
    from dunning.flows.backtest import Asked, Judged
    from dunning.timing.policies import Ladder

FORM: Final = (
    'A file of ladders holds [[policy]] tables with name = "weekly" and days = [1, 7, 13]; a policy file has '
    "[default], a campaign file key and steps."
)


def backtest(
    *,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            metavar="POLICY",
            help="planner, stripe, ladder, stripe-like, days such as 1,3,5,7, or a TOML file (ladders, a "
            "policy, a campaign); repeatable.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare ways of retrying on your own log, and say how far each figure is known."""
    from dunning.flows.backtest import backtest as judge

    policies = _policies(policy or ["planner", "ladder", "1,3,5,7", "stripe-like", "stripe"])
    with opened_house() as house:
        judged = judge(house, policies)
    if as_json:
        console.say_json({"policies": [each.dumps() for each in judged]})
        return
    head = ("policy", "source", "invoices", "recovered", "95 % interval", "SNIPS", "model's forecast")
    console.say_table(head, [_row(each) for each in judged], right=range(2, 7))
    console.say()
    for each in judged:
        console.say(f"{each.policy}: {each.sentence}")
    console.say(
        "Recovered is the doubly robust estimate; a forecast counts retries alone and is a model's word."
    )


def _row(judged: "Judged") -> list[object]:
    found = judged.invoices
    robust, snips = (found.robust, found.snips) if found else (None, None)
    return [
        judged.policy,
        judged.source.value,
        found.taken if found else 0,
        _percent(robust.value if robust else None),
        f"{_percent(robust.low)} to {_percent(robust.high)}" if robust else "-",
        _percent(snips.value if snips else None),
        _percent(judged.forecast),
    ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _policies(asked: list[str]) -> "list[Asked]":
    found: list[Asked] = []
    for text in asked:
        found += _policy(text)
    return found


def _policy(text: str) -> "list[Asked]":
    from dunning.flows.backtest import PLANNER, STRIPE
    from dunning.timing.policies import PLAIN, STRIPE_LIKE

    named: dict[str, str | Ladder] = {each.name: each for each in (PLAIN, STRIPE_LIKE)}
    named |= {PLANNER: PLANNER, STRIPE: STRIPE}
    if text in named:
        return [named[text]]
    if text[:1].isdigit() and not text.endswith(".toml"):
        return [_ladder(text, text.replace("/", ",").split(","))]
    if text.endswith(".toml"):
        return _read(Path(text))
    known = ", ".join(named)
    raise Unusable(
        f"--policy {text!r} is not known: name one of {known}, days such as 1,3,5,7, or a TOML file."
    )


def _read(path: Path) -> "list[Asked]":
    try:
        text = path.read_text(encoding="utf-8")
        values = tomllib.loads(text)
    except OSError as error:
        raise Unusable(f"--policy {path} cannot be read ({error.strerror}): name another file.") from None
    except ValueError as error:
        raise Unusable(f"--policy {path} is not TOML ({error}). {FORM}") from None
    if "policy" in values:
        return [*_ladders(path, values)]
    if "steps" in values:
        return [_campaign(path, values)]
    if not values:
        raise Unusable(f"--policy {path} names no policies. {FORM}")
    return [_rules(path, text, values)]


def _ladders(path: Path, values: dict[str, Any]) -> "list[Ladder]":
    tables = values["policy"]
    if set(values) != {"policy"} or not isinstance(tables, list) or not tables:
        raise Unusable(f"--policy {path} names no policies, or something else. {FORM}")
    for table in tables:
        keys = set(table) if isinstance(table, dict) else set()
        if keys != {"name", "days"} or not isinstance(table["days"], list):
            raise Unusable(f"--policy {path} has a policy with other keys than name and days. {FORM}")
    return [_ladder(str(table["name"]), table["days"]) for table in tables]


def _campaign(path: Path, values: dict[str, Any]) -> "Asked":
    """Return a campaign of ours by the key in its file: what counts is who opened with it, in any version."""
    from dunning.flows.backtest import Followed

    key = values.get("key")
    if not isinstance(key, str) or not key:
        raise Unusable(f"--policy {path} is a campaign without a key: `dunning campaign validate` says more.")
    return Followed(f"campaign {key}", campaign=key)


def _rules(path: Path, text: str, values: dict[str, Any]) -> "Asked":
    from dunning.commands import policy_file
    from dunning.flows.backtest import Followed

    problems = policy_file.problems(text, values)
    if problems:
        raise Unusable(f"--policy {path}:{problems[0].line}: {problems[0].sentence} {FORM}")
    return Followed(path.stem, rules=policy_file.policy(values).default)


def _ladder(name: str, days: list[Any]) -> "Ladder":
    from dunning.timing.policies import ladder

    try:
        return ladder(name, tuple(float(day) for day in days))
    except (TypeError, ValueError):
        raise Unusable(
            f"--policy {name!r}: the days of a ladder ascend from above 0, such as 1,3,5,7."
        ) from None
