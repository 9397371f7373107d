"""Commands on the policy: show, validate, publish, export."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.errors import Unusable

if TYPE_CHECKING:
    from dunning.core.campaign_file import Problem
    from dunning.core.policy import PolicyVersion

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PolicyFile = Annotated[Path, typer.Argument(metavar="FILE", help="A policy as .toml.")]
VersionOption = Annotated[
    int | None, typer.Option("--version", min=1, metavar="N", help="An older version.", show_default="newest")
]


def show(*, version: VersionOption = None, as_json: JsonOption = False) -> None:
    """Show the rules by which recoveries are made, for each class of invoice."""
    from dunning.core.policy import RULES
    from dunning.core.vocabulary import InvoiceClass

    found, published_at = _published(version)
    by_class = {kind: found.rules_for(kind) for kind in InvoiceClass}
    if as_json:
        told = {
            kind: {rule: _plain(getattr(rules, rule)) for rule in RULES} for kind, rules in by_class.items()
        }
        console.say_json({"version": found.version, "published_at": published_at, "classes": told})
        return
    console.say(f"Policy version {found.version}, published {console.minute(published_at)} UTC")
    rows = ((rule, *(_plain(getattr(one, rule)) for one in by_class.values())) for rule in RULES)
    console.say_table(("", *InvoiceClass), rows)


def validate(file: PolicyFile, *, as_json: JsonOption = False) -> None:
    """Check a policy file; each problem names its line, its key and the cure, exit code 1 if there is one."""
    _, found = _checked(file)
    console.say_validity(file, found, "policy", as_json=as_json)


def publish(file: PolicyFile, *, as_json: JsonOption = False) -> None:
    """Put a policy file in force for recoveries that open from now on; a file with a problem does nothing."""
    from dunning.flows import policies

    wanted, found = _checked(file)
    if wanted is None:
        first = f"{file}:{found[0].line}: {found[0].sentence}"
        raise Unusable(f"{first} `dunning policy validate` lists every problem; nothing was published.")
    with opened_house() as house:
        before, made = policies.publish(house, wanted, by=operator())
    if as_json:
        console.say_json({"version": made, "changed": made != before})
    elif made == before:
        console.say(f"Nothing changed: version {made} says the same.")
    else:
        console.say(
            f"Version {made} is in force for recoveries that open from now on; open ones keep their own."
        )


def export(
    *,
    version: VersionOption = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to this file instead.")
    ] = None,
) -> None:
    """Write the policy in force as a file to change and publish."""
    from dunning.commands import policy_file

    found, _ = _published(version)
    text = policy_file.as_toml(found)
    if output is None:
        console.say(text, newline=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Unusable(f"-o {output} cannot be written ({error.strerror}): choose another file.") from None


def _published(version: int | None) -> tuple["PolicyVersion", Any]:
    from dunning.store import rules

    with opened_house() as house:
        now = house.clock.now()
        with house.store.write() as connection:
            newest = rules.current_policy(connection, now)
            dates = rules.published_policies(connection)
            wanted = version or newest.version
            if wanted not in dates:
                raise Unusable(f"--version {wanted} was never published: there are 1 to {newest.version}.")
            return rules.policy_version(connection, wanted), dates[wanted]


def _checked(file: Path) -> tuple["PolicyVersion | None", list["Problem"]]:
    """Return the policy of a file, or what is wrong with it."""
    from dunning.commands import policy_file
    from dunning.core.campaign_file import NotReadable

    text = _text(file)
    try:
        values = policy_file.read(text)
    except NotReadable as error:
        return None, [error.problem]
    found = policy_file.problems(text, values)
    return (None if found else policy_file.policy(values)), found


def _text(file: Path) -> str:
    if file.suffix != ".toml":
        raise Unusable(f"{file} is not .toml: name the file by what it holds.")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Unusable(f"{file} is not UTF-8 text: save it as such.") from None
    except OSError as error:
        raise Unusable(f"{file} cannot be read ({error.strerror}): name a policy file.") from None


def _plain(value: Any) -> Any:
    from datetime import timedelta

    from dunning.core.spans import spelled

    return spelled(value) if isinstance(value, timedelta) else value
