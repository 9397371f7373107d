"""What a bulk action needs, foretells of each recovery, and does: the single action, with its guards."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from dunning.core.vocabulary import BulkAction
from dunning.flows import desk, giving_up, moving, staff
from dunning.flows.house import House
from dunning.flows.staff import Answer, NotFound
from dunning.store import campaigns, recoveries

WILL: Final[Mapping[BulkAction, str]] = {
    BulkAction.RETRY: "An attempt will be made now.",
    BulkAction.SNOOZE: "It will be snoozed.",
    BulkAction.ASSIGN: "It will change hands.",
    BulkAction.NOTE: "The note will be added.",
    BulkAction.PAUSE: "It will be paused: nothing is charged or sent until then.",
    BulkAction.MOVE: "It will go on under the newest version of the campaign.",
    BulkAction.WRITE_OFF: "It will be written off, and Stripe told that it is uncollectible.",
    BulkAction.STOP: "It will be stopped.",
}
LARGE: Final = "It is large: its write-off will wait for a second person’s approval."
REASON: Final = {
    BulkAction.SNOOZE: "A snooze needs a reason.",
    BulkAction.PAUSE: "A pause needs a reason.",
    BulkAction.WRITE_OFF: "A write-off needs a reason.",
}
ENDS: Final = {BulkAction.SNOOZE: "A snooze", BulkAction.PAUSE: "A pause"}


def wanting(house: House, action: BulkAction, given: Mapping[str, Any]) -> str | None:
    """Return which parameter is missing or unusable, as a sentence."""
    if action is BulkAction.NOTE and not _said(given, "text"):
        return "Write the note first."
    if action in ENDS:
        now, until = house.clock.now(), given.get("until")
        if not until or not now < datetime.fromisoformat(until) <= now + desk.LONGEST:
            return f"{ENDS[action]} ends on a day between tomorrow and {desk.LONGEST.days} days from now."
    if action in REASON and not _said(given, "why"):
        return REASON[action]
    if action is BulkAction.MOVE:
        key = _said(given, "campaign")
        with house.store.read() as connection:
            if not key or campaigns.version(connection, key) is None:
                return f"There is no campaign {key!r}: name one by its key." if key else "Name a campaign."
    return None


def foreseen(
    house: House, action: BulkAction, given: Mapping[str, Any], recovery_id: str, *, is_open: bool
) -> tuple[bool, str]:
    """Return whether the action would be taken on a recovery, and what will happen or why it will not."""
    if action is BulkAction.RETRY:
        refused = staff.refusal(house, recovery_id)
    elif action is BulkAction.MOVE:
        refused = moving.refusal(house, recovery_id, str(given["campaign"]).strip())
    else:
        refused = None if is_open or action is BulkAction.NOTE else desk.CLOSED_ALREADY
    if refused is not None:
        return False, refused
    large = action is BulkAction.WRITE_OFF and _is_large(house, recovery_id)
    return True, LARGE if large else WILL[action]


def done(house: House, action: BulkAction, given: Mapping[str, Any], recovery_id: str, *, by: str) -> Answer:
    """Do it to one recovery."""
    acts: dict[BulkAction, Callable[[], Answer]] = {
        BulkAction.RETRY: lambda: staff.retry(house, recovery_id, by=by),
        BulkAction.SNOOZE: lambda: desk.snooze(
            house, recovery_id, until=datetime.fromisoformat(given["until"]), why=given["why"], by=by
        ),
        BulkAction.ASSIGN: lambda: desk.assign(house, recovery_id, to=given.get("to"), by=by),
        BulkAction.NOTE: lambda: desk.note(house, recovery_id, text=given["text"], by=by),
        BulkAction.PAUSE: lambda: staff.pause(
            house, recovery_id, until=datetime.fromisoformat(given["until"]), why=given["why"], by=by
        ),
        BulkAction.MOVE: lambda: moving.move(house, recovery_id, given["campaign"].strip(), by=by),
        BulkAction.WRITE_OFF: lambda: giving_up.write_off(house, recovery_id, why=given["why"], by=by),
        BulkAction.STOP: lambda: staff.stop(house, recovery_id, by=by),
    }
    try:
        return acts[action]()
    except NotFound:
        return Answer(done=False, sentence="There is no such recovery any more.")


def _said(given: Mapping[str, Any], name: str) -> str:
    return str(given.get(name) or "").strip()


def _is_large(house: House, recovery_id: str) -> bool:
    with house.store.read() as connection:
        recovery = recoveries.by_id(connection, recovery_id)
        return recovery is not None and giving_up.is_large(connection, recovery)
