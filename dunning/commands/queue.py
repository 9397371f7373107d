"""Commands on recoveries: list, show, retry, pause, resume, stop, conclude, link."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from dunning.commands import console, times
from dunning.commands.opening import opened_house, operator
from dunning.core.vocabulary import Status

RecoveryId = Annotated[
    str, typer.Argument(metavar="ID", help="The recovery: rec_… from `dunning recoveries list`.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def show_list(
    *,
    status: Annotated[
        list[Status] | None, typer.Option(help="Only these statuses; repeat it for several.")
    ] = None,
    q: Annotated[str, typer.Option(metavar="TEXT", help="How a name, an address or an id begins.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, newest first.")] = 50,
    cursor: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on after this recovery (next_cursor).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List recoveries, newest first: what is owed, where it stands, what comes next."""
    from dunning.store import queue, queue_filter
    from dunning.web.api_models import Recovery, RecoveryPage

    with opened_house() as house:
        wanted = queue_filter.Wanted(
            house.settings.livemode, statuses=frozenset(status or ()), q=q, cursor=cursor, limit=limit
        )
        with house.store.read() as connection:
            leaf = queue.page(connection, wanted, now=house.clock.now())
    found = [Recovery.of(row) for row in leaf.rows]
    if as_json:
        console.say(RecoveryPage(data=found, next_cursor=leaf.next_cursor).model_dump_json(indent=2))
        return
    head = ("id", "status", "amount", "customer", "next (UTC)", "decline")
    console.say_table(head, (_line(recovery) for recovery in found), right=(2,))
    if leaf.next_cursor:
        console.note(f"There are more: --cursor {leaf.next_cursor}")


def show(
    recovery_id: RecoveryId,
    *,
    why: Annotated[
        bool, typer.Option("--why", help="Also why the next attempt is when it is, and what was forbidden.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one recovery: its attempts, its messages, its money, and what comes next."""
    from dunning.flows import card_budget, staff
    from dunning.store import queue, timeline

    with opened_house() as house:
        refusal = staff.refusal(house, recovery_id)
        with house.store.read() as connection:
            story = timeline.story(connection, recovery_id)
            item = queue.item(connection, recovery_id)
            standing = card_budget.standing(connection, recovery_id, house.clock.now())
    if as_json:
        console.say(_detail(item, story, refusal, standing, why=why))
        return
    _say_recovery(item)
    _say_history(story)
    if why:
        _say_why(story, refusal)
        _say_budget(standing)


def retry(recovery_id: RecoveryId, *, as_json: JsonOption = False) -> None:
    """Ask for an attempt now, unless a rule forbids it; the answer names the rule."""
    from dunning.flows import staff

    act(staff.retry, recovery_id, as_json=as_json)


def pause(
    recovery_id: RecoveryId,
    *,
    until: Annotated[
        str, typer.Option(metavar="DATE", help="When it ends: 2026-10-01, or a span such as 7d.")
    ],
    reason: Annotated[str, typer.Option(help="Why, for the timeline.")],
    as_json: JsonOption = False,
) -> None:
    """Set one recovery aside until a date: no charge, no message, not by Stripe either."""
    from dunning.core.clock import WallClock
    from dunning.flows import staff

    end = times.coming_instant("--until", until, WallClock().now())
    act(staff.pause, recovery_id, as_json=as_json, until=end, why=reason)


def resume(recovery_id: RecoveryId, *, as_json: JsonOption = False) -> None:
    """End the pause of one recovery."""
    from dunning.flows import staff

    act(staff.resume, recovery_id, as_json=as_json)


def stop(recovery_id: RecoveryId, *, as_json: JsonOption = False) -> None:
    """Give one recovery up; its invoice goes back to Stripe's own collection."""
    from dunning.flows import staff

    act(staff.stop, recovery_id, as_json=as_json)


def conclude(
    recovery_id: RecoveryId,
    *,
    shown: Annotated[
        Literal["paid", "someone-else", "declined", "never"],
        typer.Option("--as", help="What the Dashboard shows of the charge with its idempotency key."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Conclude a charge that nobody could learn the outcome of, as Stripe's Dashboard shows it."""
    from dunning.flows import abandonment

    act(abandonment.conclude, recovery_id, as_json=as_json, stripe=True, verdict=abandonment.Verdict(shown))


def link(recovery_id: RecoveryId, *, as_json: JsonOption = False) -> None:
    """Make a card-update link to hand to the customer; each call makes a new one."""
    from dunning.flows import staff

    with opened_house() as house:
        url = staff.link(house, recovery_id, by=operator())
    console.say_json({"url": url}) if as_json else console.say(url)


def act(
    action: Callable[..., Any], recovery_id: str, *, as_json: bool, stripe: bool = False, **how: Any
) -> None:
    """Carry out an action of staff; exit code 1 when a rule refuses it."""
    with opened_house(stripe=stripe) as house:
        answer = action(house, recovery_id, by=operator(), **how)
    say_answer(answer, as_json=as_json)


def say_answer(answer: Any, *, as_json: bool) -> None:
    """Print what became of an action of staff; exit code 1 when a rule refused it."""
    if as_json:
        console.say_json({"done": answer.done, "sentence": answer.sentence})
    else:
        console.say(answer.sentence)
    if not answer.done:
        raise typer.Exit(1)


def _line(recovery: Any) -> tuple[object, ...]:
    from dunning.core.money import Money

    return (
        recovery.id,
        recovery.status,
        Money(recovery.amount, recovery.currency),
        recovery.customer_name or recovery.customer_email or recovery.customer,
        recovery.next_attempt_at,
        recovery.decline_code or recovery.decline_class,
    )


def _detail(item: Any, story: Any, refusal: str | None, standing: Any, *, why: bool) -> str:
    """Return the API's own shape of a recovery, with the planner's whole explanation when asked."""
    from dunning.web.api_models import RecoveryDetail

    detail = RecoveryDetail.told(item, story, refusal, standing)
    if not why:
        return detail.model_dump_json(indent=2)
    import json

    explanation = story.plan["explanation"] if story.plan else None
    return json.dumps(
        detail.model_dump(mode="json") | {"explanation": explanation}, indent=2, ensure_ascii=False
    )


def _say_recovery(item: Any) -> None:
    from dunning.core.money import Money

    facts = {
        "recovery": item["id"],
        "status": item["status"],
        "owed": Money(item["amount"], item["currency"]),
        "customer": " ".join(
            filter(None, (item["customer_name"], item["customer_email"], item["customer_id"]))
        ),
        "invoice": " ".join(filter(None, (item["invoice_id"], item["invoice_number"]))),
        "decline": f"{item['decline_class']} ({item['decline_code'] or 'no code'})",
        "failed": console.minute(item["failed_at"]),
        "until": console.minute(item["deadline"]),
        "next": console.minute(item["next_attempt_at"] or item["pause_until"]),
        "because": item["why"],
    }
    for name, value in facts.items():
        console.say(f"{name:<9} {value}")


def _say_history(story: Any) -> None:
    attempts = (
        (row["at"], row["made_by"], row["state"], row["decline_code"] or "", row["charge_id"] or "")
        for row in story.attempts
    )
    messages = ((m["sent_at"] or m["due_at"], m["template"], m["state"]) for m in story.messages)
    ledger = (
        (row["at"], row["kind"], row["reason"] or "", row["amount"], row["currency"]) for row in story.ledger
    )
    errands = (
        (row["finished_at"] or row["planned_at"], row["kind"], row["object_id"], row["state"], row["by"])
        for row in story.errands
    )
    for title, head, rows, right in (
        ("Attempts", ("at (UTC)", "made by", "state", "code", "charge"), list(attempts), ()),
        ("Messages", ("at (UTC)", "template", "state"), list(messages), ()),
        ("At Stripe", ("at (UTC)", "what", "of", "state", "by"), list(errands), ()),
        ("Ledger", ("at (UTC)", "kind", "reason", "minor units", "currency"), list(ledger), (3,)),
    ):
        if rows:
            console.say(f"\n{title}")
            console.say_table(head, rows, right=right)


def _say_why(story: Any, refusal: str | None) -> None:
    console.say("\nWhy")
    if story.plan is None:
        console.say("No time was planned for it yet.")
    else:
        console.say(f"{console.minute(story.plan['at'])}  {story.plan['reason']}")
        explanation = story.plan["explanation"]
        for other in explanation.get("alternatives", ()):
            console.say(f"  or {other['at'][:16]}  {other['probability']:.0%}  {other['reason']}")
        for veto in explanation.get("vetoed", ()):
            console.say(f"  forbidden by {veto['rule']}: {veto['sentence']}")
    console.say(f"Staff may not retry now: {refusal}" if refusal else "Staff may retry now.")


def _say_budget(standing: Any) -> None:
    """Print how much of the network's budget the next card has used, and what the rules withheld."""
    from dunning.core.card_rules import spelt
    from dunning.flows.protection import protected

    for use in standing.uses:
        full = f"; full until {console.minute(use.free_at)} UTC" if use.free_at else ""
        console.say(f"Tries on this card ({standing.network}): {use.used} of {spelt(use.budget)}{full}.")
    for line in protected(standing.withheld or {}):
        console.say(f"Withheld by {line.cause.replace('_', ' ')} ({line.network}): {line.count}; {line.fee}.")
