"""Commands that turn the switches, overall or in a segment: mode, pause, resume."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated, Any, Literal

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.core.vocabulary import Retries
from dunning.errors import Unusable

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SegmentOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Only in this segment (`dunning segment list`).", show_default="overall"
    ),
]


def mode(
    *,
    retries: Annotated[
        Retries | None,
        typer.Option(help="Who retries: Stripe (watch), both in turns (weave), or dunning alone (own)."),
    ] = None,
    messages: Annotated[
        Literal["on", "off"] | None, typer.Option(help="Whether messages go out to customers.")
    ] = None,
    notices: Annotated[
        Literal["on", "off"] | None,
        typer.Option(help="Whether customers are told before a card expires or fails again; needs messages."),
    ] = None,
    release: Annotated[
        bool,
        typer.Option("--release", help="Hand every open invoice back to Stripe: the mode becomes watch."),
    ] = False,
    segment: SegmentOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show who retries and whether messages go out, or change it."""
    from dunning.flows import switches

    if release and retries not in {None, Retries.WATCH}:
        raise Unusable("--release sets the mode to watch: leave --retries out.")
    sends = None if messages is None else messages == "on"
    if segment is not None and notices is not None:
        raise Unusable("--notices has no segments: leave --segment out.")
    if segment is not None and not (retries or release or messages):
        raise Unusable("--segment needs --retries, --messages or --release: what shall change in it?")
    with opened_house() as house:
        moved = None
        tells = None if notices is None else notices == "on"
        if retries or release or sends is not None or tells is not None:
            moved = switches.set_mode(
                house,
                by=operator(),
                retries=retries,
                messages=sends,
                notices=tells,
                release=release,
                segment=segment,
            )
        _show(house, moved, as_json=as_json)


def pause(
    *,
    everything: Annotated[
        bool, typer.Option("--all", help="Everything; one recovery is paused by `dunning recoveries pause`.")
    ] = False,
    segment: SegmentOption = None,
    reason: Annotated[str, typer.Option(help="Why, for whoever finds it paused.", show_default=False)] = "",
    as_json: JsonOption = False,
) -> None:
    """Stop all charges and messages at once, until `dunning resume` (the kill switch)."""
    from dunning.flows import switches

    if everything == (segment is not None):
        raise Unusable(
            "Say what to pause: --all, or --segment NAME; for one recovery, `dunning recoveries pause ID`."
        )
    if not reason.strip():
        raise Unusable("--reason is missing: say why, for whoever finds it paused.")
    with opened_house() as house:
        switches.pause_all(house, reason, by=operator(), segment=segment)
        _show(house, None, as_json=as_json)


def resume(*, segment: SegmentOption = None, as_json: JsonOption = False) -> None:
    """Release the kill switch: charges and messages go on."""
    from dunning.flows import switches

    with opened_house() as house:
        switches.resume_all(house, by=operator(), segment=segment)
        _show(house, None, as_json=as_json)


def _show(house: Any, moved: int | None, *, as_json: bool) -> None:
    from dunning.store import segments, switches

    with house.store.read() as connection:
        now, parts = switches.read(connection), segments.current(connection)
    sends = "on" if now.messages else "off"
    if as_json:
        told: dict[str, Any] = {"retries": now.retries, "messages": sends, "paused": now.paused}
        told |= {
            "notices": "on" if now.notices else "off",
            "pause_reason": now.pause_reason,
            "moved": moved,
            "segments": parts.dumps(),
        }
        console.say_json(told)
        return
    console.say(f"retries   {now.retries}")
    console.say(f"messages  {sends}")
    console.say(f"notices   {'on' if now.notices else 'off'} (before a failure; they need messages)")
    if now.paused:
        console.say(f"PAUSED    {now.pause_reason}: nothing is charged or sent until `dunning resume`.")
    if parts.all:
        console.say("\nSegments, the first that fits:")
        say_segments(parts)
    if moved:
        console.say(f"{moved} open recoveries changed hands.")


def say_segments(parts: Any) -> None:
    """Print a table of segments: their switches, and what they are for."""
    rows = (
        (
            one.name,
            one.retries or "as overall",
            {None: "as overall", True: "on", False: "off"}[one.messages],
            f"PAUSED: {one.paused}" if one.paused else "",
            one.when.words(),
        )
        for one in parts.all
    )
    console.say_table(("segment", "retries", "messages", "", "when"), rows)
