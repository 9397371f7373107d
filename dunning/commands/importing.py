"""Commands that bring in the past: from Stripe's own lists, or from an export."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from dunning.commands import console, times
from dunning.commands.opening import opened_house

STAGES = {
    "invoices": "Reading invoices",
    "payments": "Reading payments",
    "charges": "Reading charges ",
    "joining": "Joining         ",
}
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def from_stripe(
    *,
    since: Annotated[
        str, typer.Option(metavar="SPAN", help="How far back: 12m (months), 90d, or a date.")
    ] = "12m",
    pace: Annotated[
        int, typer.Option(min=1, max=25, help="Questions to Stripe a second; it allows 25 an endpoint.")
    ] = 10,
    as_json: JsonOption = False,
) -> None:
    """Import charges and invoices of the past as history for the planner and, shown apart, the report."""
    from dunning.flows.import_stripe import import_stripe
    from dunning.flows.pacing import Pace

    with opened_house(stripe=True) as house:
        start = times.start_of_history("--since", since, house.clock.now())
        with _progress() as progress:
            told = import_stripe(house, start, pace=Pace(pace), progress=progress)
    if as_json:
        console.say_json({"objects": told.objects, "recoveries": told.recoveries, "opened": told.opened})
        return
    read = ", ".join(f"{count:,} {name}" for name, count in told.objects.items())
    console.say(f"Read so far: {read}.")
    console.say(f"{told.recoveries:,} failed invoices of the past are history now.")
    if told.opened:
        console.say(f"{told.opened} are still unpaid and were opened as recoveries; nobody is written to.")
    console.note("`dunning learn` fits the planner on them at once; the clock does it every day.")


@contextmanager
def _progress() -> Iterator[Callable[[str, int], None]]:
    """Show on stderr how far each stage is, where somebody looks."""
    if not sys.stderr.isatty():
        yield lambda _stage, _done: None
        return
    with typer.progressbar(length=1000 * len(STAGES), label=STAGES["invoices"], file=sys.stderr) as bar:
        begun: list[str] = []

        def advance(stage: str, done: int) -> None:
            if stage not in begun:
                begun.append(stage)
            bar.label = STAGES[stage]
            bar.update(max(1000 * (len(begun) - 1) + done - bar.pos, 0))

        yield advance
