"""What staff does in the queue, for programs: the same flows as the buttons, the same guards."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field
from sqlalchemy import RowMapping
from starlette.exceptions import HTTPException

from dunning.core.people import Right
from dunning.core.vocabulary import BulkAction, BulkRowState, BulkState
from dunning.errors import StripeError
from dunning.flows import bulk, desk, giving_up
from dunning.flows.house import House
from dunning.flows.staff import Answer
from dunning.store import bulk as store
from dunning.web.api import PROBLEMS, ROOT, read_recovery
from dunning.web.api_models import Body, Done, PauseBody, Seen, Shape
from dunning.web.instants import Instant
from dunning.web.rights import By, needs

Text = Annotated[str, Field(min_length=1, max_length=300)]


class AssignBody(Body):
    """To whom; null gives it back."""

    to: Annotated[str, Field(min_length=1, max_length=200)] | None


class TextBody(Body):
    """The reason or the note."""

    text: Text


class ApprovalBody(Body):
    """Yes or no to what waits for a second person."""

    approve: bool


class BulkBody(Body):
    """One action on up to 500 recoveries.

    `until` and `why` to snooze or pause, `why` to write off, `to` to assign, `text` to note, `campaign` (its
    key) to move to that campaign's newest version.
    """

    action: Annotated[BulkAction, Field(strict=False)]
    recoveries: Annotated[list[str], Field(min_length=1, max_length=bulk.MOST)]
    until: Instant | None = None
    why: Text | None = None
    to: Text | None = None
    text: Text | None = None
    campaign: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class BulkRow(Shape):
    """What will become, or became, of one recovery."""

    recovery_id: str
    state: BulkRowState
    sentence: str


class BulkRun(Shape):
    """A bulk action: `shown` says what it would do, and does nothing before it is told to go."""

    id: str
    action: BulkAction
    state: BulkState
    by: str
    rows: list[BulkRow]

    @classmethod
    def of(cls, run: RowMapping, rows: Any) -> "BulkRun":
        """Return the shape of a bulk action with its rows."""
        told = [BulkRow(**{name: row[name] for name in BulkRow.model_fields}) for row in rows]
        return cls(id=run["id"], action=run["action"], state=run["state"], by=run["by"], rows=told)


def desk_api(house: House) -> APIRouter:
    """Return the routes under /api/v1/recoveries/{id} that are staff's own."""
    router = APIRouter(
        prefix=f"{ROOT}/recoveries/{{recovery_id}}",
        tags=["desk"],
        responses=PROBLEMS,
        dependencies=[needs(Right.ACT)],
    )

    def done(recovery_id: str, act: Callable[..., Answer], **how: Any) -> Done:
        answer = act(house, recovery_id, **how)
        if not answer.done:
            raise HTTPException(409, answer.sentence)
        return Done(sentence=answer.sentence, recovery=read_recovery(house, recovery_id))

    @router.post("/assign", operation_id="assignRecovery")
    def assign(recovery_id: str, body: AssignBody, by: By, seen: Seen = None) -> Done:
        """Give the recovery to a person, or to nobody."""
        return done(recovery_id, desk.assign, to=body.to, by=by, seen=seen)

    @router.post("/snooze", operation_id="snoozeRecovery")
    def snooze(recovery_id: str, body: PauseBody, by: By, seen: Seen = None) -> Done:
        """Take it off the desk until an instant; charges and messages go on."""
        return done(recovery_id, desk.snooze, until=body.until, why=body.why, by=by, seen=seen)

    @router.post("/wake", operation_id="wakeRecovery")
    def wake(recovery_id: str, by: By, seen: Seen = None) -> Done:
        """End a snooze."""
        return done(recovery_id, desk.wake, by=by, seen=seen)

    @router.post("/promise", operation_id="promiseRecovery")
    def promise(recovery_id: str, body: PauseBody, by: By, seen: Seen = None) -> Done:
        """Keep the customer's word to pay by an instant: nothing is charged or sent until then."""
        return done(recovery_id, desk.promise, until=body.until, why=body.why, by=by, seen=seen)

    @router.post("/note", operation_id="noteRecovery")
    def note(recovery_id: str, body: TextBody, by: By) -> Done:
        """Add a line to the timeline."""
        return done(recovery_id, desk.note, text=body.text, by=by)

    @router.post("/undo", operation_id="undoRecovery")
    def undo(recovery_id: str, by: By, seen: Seen = None) -> Done:
        """Take the last change of owner or snooze back."""
        return done(recovery_id, desk.undo, by=by, seen=seen)

    return router


def ending_api(house: House) -> APIRouter:
    """Return the routes that end a recovery for good."""
    router = APIRouter(
        prefix=f"{ROOT}/recoveries/{{recovery_id}}",
        tags=["desk"],
        responses=PROBLEMS,
        dependencies=[needs(Right.ACT)],
    )

    def done(recovery_id: str, answer: Answer) -> Done:
        if not answer.done:
            raise HTTPException(409, answer.sentence)
        return Done(sentence=answer.sentence, recovery=read_recovery(house, recovery_id))

    @router.post("/write-off", operation_id="writeOffRecovery")
    def write_off(recovery_id: str, body: TextBody, by: By, seen: Seen = None) -> Done:
        """Give it up for good; a large one waits for a second person's approval."""
        return done(recovery_id, giving_up.write_off(house, recovery_id, why=body.text, by=by, seen=seen))

    @router.post("/approval", operation_id="decideRecovery")
    def decide(recovery_id: str, body: ApprovalBody, by: By, seen: Seen = None) -> Done:
        """Answer what waits for a second person."""
        return done(recovery_id, giving_up.decide(house, recovery_id, approve=body.approve, by=by, seen=seen))

    @router.post("/paid-elsewhere", operation_id="paidElsewhere")
    def paid_elsewhere(recovery_id: str, body: TextBody, by: By, seen: Seen = None) -> Done:
        """Tell Stripe that the invoice was paid outside of it."""
        try:
            answer = giving_up.paid_elsewhere(house, recovery_id, why=body.text, by=by, seen=seen)
        except StripeError as error:
            raise HTTPException(503, f"Stripe could not be told: {error}") from error
        return done(recovery_id, answer)

    return router


def bulk_api(house: House) -> APIRouter:
    """Return the routes of bulk actions."""
    router = APIRouter(
        prefix=f"{ROOT}/bulk", tags=["desk"], responses=PROBLEMS, dependencies=[needs(Right.ACT)]
    )

    def read(run_id: str) -> BulkRun:
        with house.store.read() as connection:
            run = store.by_id(connection, run_id)
            if run is None:
                raise HTTPException(404, "There is no such bulk action.")
            return BulkRun.of(run, store.rows(connection, run_id))

    @router.post("", operation_id="showBulk")
    def show(body: BulkBody, by: By) -> BulkRun:
        """Say what the action would do with each recovery; nothing is done."""
        given = body.model_dump(
            mode="json", include={"until", "why", "to", "text", "campaign"}, exclude_none=True
        )
        try:
            run_id = bulk.show(house, body.action, given, body.recoveries, by=by)
        except bulk.Unusable as refused:
            raise HTTPException(422, str(refused)) from refused
        return read(run_id)

    @router.get("/{run_id}", operation_id="getBulk")
    def get(run_id: str) -> BulkRun:
        """Return a bulk action and what became of each recovery so far."""
        return read(run_id)

    @router.post("/{run_id}/go", operation_id="goBulk")
    def go(run_id: str, by: By) -> BulkRun:
        """Let it begin; it goes on in the background."""
        read(run_id)
        answer = bulk.start(house, run_id, by=by)
        if not answer.done:
            raise HTTPException(409, answer.sentence)
        return read(run_id)

    return router
