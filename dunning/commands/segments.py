"""Commands on segments: list, export, publish."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from pathlib import Path
from typing import Annotated

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.errors import Unusable

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def show_list(*, as_json: JsonOption = False) -> None:
    """List the segments in the order in which they are tried, with their switches and conditions."""
    from dunning.commands.switching import say_segments
    from dunning.store import segments

    with opened_house() as house, house.store.read() as connection:
        found = segments.current(connection)
    if as_json:
        console.say_json({"version": found.version, "segments": found.dumps()})
    elif found.all:
        say_segments(found)
    else:
        console.say("There is no segment: the overall switches hold for every recovery.")


def export() -> None:
    """Write the segments as TOML, to be changed and published again; a new installation gets an example."""
    from dunning.core.segments import EXAMPLE
    from dunning.store import segments

    with opened_house() as house, house.store.read() as connection:
        found = segments.current(connection)
    console.say(found.written() if found.all else EXAMPLE, newline=False)


def publish(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="All segments, as `dunning segment export`.")],
    *,
    as_json: JsonOption = False,
) -> None:
    """Put the segments of a file into force; a recovery stays in the segment that it opened in."""
    from dunning.flows import switches

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Unusable(f"{file} cannot be read ({getattr(error, 'strerror', None) or error}).") from None
    with opened_house() as house:
        try:
            moved = switches.publish_segments(house, text, by=operator())
        except Unusable as error:
            raise Unusable(f"{file}: {error}") from None
    if as_json:
        console.say_json({"moved": moved})
        return
    console.say("The segments are in force.")
    if moved:
        console.say(f"{moved} open recoveries changed hands.")
