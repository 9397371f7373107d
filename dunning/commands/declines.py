"""Commands on declines: what codes mean, which nobody has described, and the merchant's card rules."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.errors import Unusable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dunning.core.card_rules_file import Problem

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RulesFile = Annotated[Path, typer.Argument(metavar="FILE", help="Card rules as .toml.")]
PROBLEMS = 1


def show_list(*, as_json: JsonOption = False) -> None:
    """List every code with its class, what we do after it and its source; and codes nobody has described."""
    from dunning.flows.card_rules import in_force, undescribed
    from dunning.store import card_rules

    with opened_house() as house:
        rules = in_force(house)
        with house.store.read() as connection:
            seen = card_rules.codes_seen(connection, livemode=house.settings.livemode)
    told = _told(rules, undescribed(seen, rules))
    if as_json:
        console.say_json(told)
        return
    console.say(f"Card rules version {rules.version}{'' if rules.version else ' (built in)'}\n")
    columns = ("code", "class", "what we do", "source")
    console.say_table(columns, ((d["code"], d["class"], d["action"], d["source"]) for d in told["declines"]))
    console.say()
    head = ("network", "where", "code", "class", "what we do", "meaning")
    console.say_table(head, (_advice_line(row) for row in told["advice"]))
    console.say()
    console.say_table(("network", "budget"), told["budgets"].items())
    if told["undescribed"]:
        console.say("\nSeen in your attempts, and described by nobody: retried twice at most")
        console.say_table(
            ("where", "code", "times"), (one.values() for one in told["undescribed"]), right=(2,)
        )


def validate(file: RulesFile, *, as_json: JsonOption = False) -> None:
    """Check a file of card rules; every problem is named with its line and field, exit code 1 if any."""
    _, found = _read(file)
    if as_json:
        console.say_json({"valid": not found, "problems": [asdict(problem) for problem in found]})
    else:
        _say_problems(file, found)
        if not found:
            console.say(f"{file} can be published.")
    if found:
        raise typer.Exit(PROBLEMS)


def publish(file: RulesFile, *, as_json: JsonOption = False) -> None:
    """Publish a file of card rules as the next version; with a problem in it nothing is published."""
    from dunning.flows import card_rules

    document, found = _read(file)
    if found:
        console.say_json({"published": False, "problems": [asdict(problem) for problem in found]}) if (
            as_json
        ) else _say_problems(file, found)
        raise typer.Exit(PROBLEMS)
    with opened_house() as house:
        done = card_rules.publish(house, document, by=operator())
    if as_json:
        console.say_json({"published": done.changed, "version": done.version, "problems": []})
    elif done.changed:
        console.say(f"Published version {done.version}: the next refusal is read by it.")
    else:
        console.say(f"Nothing changed: version {done.version} says the same.")


def export(
    *,
    version: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="This version.", show_default="the newest")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead.")
    ] = None,
) -> None:
    """Write the card rules in force, or an older version, as a file to change and publish."""
    from dunning.core import card_rules_file
    from dunning.store import card_rules

    with opened_house() as house, house.store.read() as connection:
        newest = card_rules.newest(connection)
        if version is not None and version > newest.version:
            raise Unusable(f"--version {version} is not published yet: the newest is {newest.version}.")
        rules = newest if version is None else card_rules.version(connection, version)
    text = card_rules_file.written(rules.document)
    if output is None:
        console.say(text, newline=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unusable(f"-o {output} cannot be written ({error.strerror}): choose another file.") from None


def _read(file: Path) -> "tuple[Mapping[str, Any], list[Problem]]":
    from dunning.core import card_rules_file

    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Unusable(f"{file} is not UTF-8 text: save it as such.") from None
    except OSError as error:
        raise Unusable(f"{file} cannot be read ({error.strerror}): name a file of card rules.") from None
    return card_rules_file.read(text)


def _say_problems(file: Path, found: "list[Problem]") -> None:
    for problem in found:
        console.say(f"{file}:{problem.line}: {problem.sentence}")


def _told(rules: Any, unknown: list[Any]) -> dict[str, Any]:
    from dunning.core.card_rules import spelt
    from dunning.core.network_advice import ROWS

    declines = [
        {
            "code": row.code,
            "class": row.decline_class,
            "action": row.action,
            "retries": row.retries,
            "final": row.final,
            "overridden": row.code in rules.table.overridden,
            "source": row.source,
        }
        for row in rules.table.rows.values()
    ]
    advice = [
        {
            "network": row.network,
            "field": row.field,
            "code": row.code,
            "class": row.decline_class,
            "action": row.action,
            "wait_hours": int(row.wait.total_seconds()) // 3600 if row.wait else None,
            "words": row.words_for_staff,
            "source": row.source,
        }
        for row in ROWS.values()
    ]
    return {
        "version": rules.version,
        "declines": declines,
        "advice": advice,
        "budgets": {network: ", ".join(map(spelt, own)) for network, own in rules.budgets.items()},
        "undescribed": [asdict(one) for one in unknown],
    }


def _advice_line(row: "Mapping[str, Any]") -> tuple[object, ...]:
    return row["network"], row["field"], row["code"], row["class"], row["action"], row["words"]
