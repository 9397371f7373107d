"""Commands on listeners: who outside is told what happens to recoveries."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated, Any

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.errors import Unusable

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ListenerId = Annotated[
    str, typer.Argument(metavar="ID", help="The listener: lst_… from `dunning webhook list`.")
]


def add(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help="An https URL, or slack, zendesk, or mailto:ops@acme.example for alerts."
        ),
    ],
    *,
    on: Annotated[
        list[str] | None,
        typer.Option(metavar="TOPIC", help="What it hears; repeat it. The usual ones without it."),
    ] = None,
    at_least: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CUR:MINOR", help="Only endings from this amount on, such as usd:50000; one a currency."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Tell a webhook, Slack, a mail address or Zendesk from now on; prints a webhook's signing secret."""
    from dunning.core.announcement import ListenerKind
    from dunning.flows import listening

    amounts = _amounts(at_least or [])
    with opened_house() as house:
        made = listening.add(house, target, by=operator(), topics=on or (), at_least=amounts)
        signs = made.kind is ListenerKind.WEBHOOK
        secret = listening.secrets(house, made.id)[0] if signs else None
    if as_json:
        console.say_json(_shown(made) | {"secret": secret})
        return
    console.say(f"{made.id} hears {', '.join(made.topics)}.")
    if secret is not None:
        console.say(f"It is signed with {secret}")
        console.note("Keep it: the receiver checks with it (docs/webhooks.md has the code).")


def show_list(*, as_json: JsonOption = False) -> None:
    """List who is told, what they hear, and how it goes."""
    from dunning.flows import listening

    with opened_house() as house:
        found = listening.standing(house.store)
    if as_json:
        console.say_json([_shown(one.listener) | {"lost": listening.dead(one.recent)} for one in found])
        return
    head = ("id", "kind", "target", "state", "last told (UTC)", "topics")
    rows = (
        (
            one.listener.id,
            one.listener.kind,
            one.listener.target,
            listening.state_of(one.listener),
            listening.last_told(one.recent),
            len(one.listener.topics),
        )
        for one in found
    )
    console.say_table(head, rows)


def remove(listener_id: ListenerId) -> None:
    """Tell a listener nothing more; what it was not told yet is given up."""
    from dunning.flows import listening

    with opened_house() as house:
        listening.remove(house, listener_id, by=operator())
    console.say("Removed.")


def try_out(listener_id: ListenerId, *, as_json: JsonOption = False) -> None:
    """Tell a listener a test now; success switches one that is off on again."""
    from dunning.core.announcement import TellingState
    from dunning.flows import listening

    with opened_house() as house:
        told = listening.try_out(house, listener_id, by=operator())
    ok = told.state is TellingState.TOLD
    if as_json:
        console.say_json({"told": ok, "answer": told.answer})
    else:
        console.say(f"{'It was told' if ok else 'It was not told'}: {told.answer or 'no words'}")
    if not ok:
        raise typer.Exit(1)


def deliveries(
    listener_id: ListenerId,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """Show what a listener was told, what it answered, and what was given up."""
    from dunning.flows import listening

    with opened_house() as house:
        found = listening.deliveries(house, listener_id, most=limit)
    if as_json:
        names = (
            "id",
            "announcement_id",
            "topic",
            "state",
            "tries",
            "made_at",
            "told_at",
            "ring_at",
            "answer",
        )
        console.say_json([{name: getattr(row, name) for name in names} for row in found])
        return
    head = ("made (UTC)", "topic", "state", "tries", "again (UTC)", "answer", "id")
    rows = ((r.made_at, r.topic, r.state, r.tries, r.ring_at, r.answer, r.id) for r in found)
    console.say_table(head, rows, right=(3,))


def redeliver(
    which: Annotated[
        str,
        typer.Argument(metavar="ID", help="A listener, for all that was given up, or one delivery's id."),
    ],
) -> None:
    """Tell again what was given up, or one announcement whatever became of it; the worker does it."""
    from dunning.flows import listening

    with opened_house() as house:
        count = listening.redeliver(house, which, by=operator())
    console.say(f"{count} will be told again." if count else "There is nothing to tell again.")


def secret(
    listener_id: ListenerId,
    *,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new one; both are signed with for a day.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a webhook is signed with, the newest first."""
    from dunning.flows import listening

    with opened_house() as house:
        found = listening.secrets(house, listener_id, rotated_by=operator() if rotate else None)
    console.say_json(found) if as_json else console.say("\n".join(found))


def _amounts(given: list[str]) -> dict[str, int]:
    """Read amounts such as usd:50000."""
    found = {}
    for text in given:
        currency, colon, amount = text.partition(":")
        if not (colon and len(currency) == 3 and currency.isalpha() and amount.isdecimal()):
            raise Unusable(f"--at-least {text} is not a currency and minor units, such as usd:50000.")
        found[currency.lower()] = int(amount)
    return found


def _shown(listener: Any) -> dict[str, Any]:
    names = ("id", "kind", "target", "topics", "at_least", "off_at", "off_why", "failing_since", "added_at")
    return {name: getattr(listener, name) for name in names}
