"""The JSON API, version 1."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException

from dunning.core.people import Right
from dunning.errors import StripeError
from dunning.flows import card_budget, staff
from dunning.flows.house import House
from dunning.flows.staff import Answer
from dunning.store import queue, timeline
from dunning.store.queue_filter import BadCursor
from dunning.web.api_debt import DebtOfSubscription
from dunning.web.api_listing import Listing
from dunning.web.api_models import (
    Done,
    Link,
    PauseBody,
    Problem,
    Recovery,
    RecoveryDetail,
    RecoveryPage,
    Seen,
)
from dunning.web.rights import By, needs

ROOT = "/api/v1"
PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such recovery."},
    409: {"model": Problem, "description": "A rule forbids it; the detail says which."},
    422: {"model": Problem, "description": "The request is not understood."},
}


def recovery_api(house: House) -> APIRouter:
    """Return the routes under /api/v1/recoveries that read."""
    router = APIRouter(
        prefix=f"{ROOT}/recoveries", tags=["recoveries"], responses=PROBLEMS, dependencies=[needs(Right.READ)]
    )

    @router.get("", operation_id="listRecoveries")
    def list_recoveries(listing: Annotated[Listing, Query()], by: By) -> RecoveryPage:
        """Return recoveries, newest first unless `sort` says otherwise."""
        wanted = listing.wanted(livemode=house.settings.livemode, me=by)
        with house.store.read() as connection:
            try:
                leaf = queue.page(connection, wanted, now=house.clock.now())
            except BadCursor as error:
                raise HTTPException(422, "`cursor` is none that an answer with this `sort` gave.") from error
        return RecoveryPage(data=[Recovery.of(row) for row in leaf.rows], next_cursor=leaf.next_cursor)

    @router.get("/{recovery_id}", operation_id="getRecovery")
    def get_recovery(recovery_id: str) -> RecoveryDetail:
        """Return one recovery with its attempts."""
        with house.store.read() as connection:
            story = timeline.story(connection, recovery_id)
            item = queue.item(connection, recovery_id)
            standing = card_budget.standing(connection, recovery_id, house.clock.now())
        if story is None or item is None:
            raise HTTPException(404, "There is no such recovery.")
        return RecoveryDetail.told(item, story, staff.refusal(house, recovery_id), standing)

    @router.get("/{recovery_id}/debt", operation_id="getDebt")
    def get_debt(recovery_id: str) -> DebtOfSubscription:
        """Return what the subscription owes, and what cancelling it would do; asks Stripe."""
        try:
            found = staff.debt(house, recovery_id)
        except StripeError as error:
            raise HTTPException(503, f"Stripe could not be asked: {error}") from error
        if found is None:
            raise HTTPException(409, staff.NO_SUBSCRIPTION)
        return DebtOfSubscription.of(found)

    return router


def action_api(house: House) -> APIRouter:
    """Return the routes under /api/v1/recoveries/{id} that change something."""
    prefix = f"{ROOT}/recoveries/{{recovery_id}}"
    router = APIRouter(prefix=prefix, tags=["actions"], responses=PROBLEMS, dependencies=[needs(Right.ACT)])

    def done(recovery_id: str, by: str, act: Callable[..., Answer], **how: Any) -> Done:
        answer = act(house, recovery_id, by=by, **how)
        if not answer.done:
            raise HTTPException(409, answer.sentence)
        return Done(sentence=answer.sentence, recovery=read_recovery(house, recovery_id))

    @router.post("/retry", operation_id="retryRecovery")
    def retry(recovery_id: str, by: By, seen: Seen = None) -> Done:
        """Ask for an attempt now; 409 names the rule that forbids it."""
        return done(recovery_id, by, staff.retry, seen=seen)

    @router.post("/pause", operation_id="pauseRecovery")
    def pause(recovery_id: str, body: PauseBody, by: By, seen: Seen = None) -> Done:
        """Set the recovery aside until an instant."""
        if body.until <= house.clock.now():
            raise HTTPException(422, "`until` must lie in the future.")
        return done(recovery_id, by, staff.pause, until=body.until, why=body.why, seen=seen)

    @router.post("/resume", operation_id="resumeRecovery")
    def resume(recovery_id: str, by: By, seen: Seen = None) -> Done:
        """End a pause."""
        return done(recovery_id, by, staff.resume, seen=seen)

    @router.post("/stop", operation_id="stopRecovery")
    def stop(recovery_id: str, by: By, seen: Seen = None) -> Done:
        """Give the recovery up; nothing is charged or written any more."""
        return done(recovery_id, by, staff.stop, seen=seen)

    @router.post("/cancel", operation_id="cancelSubscription")
    def cancel(recovery_id: str, by: By, seen: Seen = None) -> Done:
        """Stop the recovery and cancel its subscription; `debt` says beforehand what that does."""
        return done(recovery_id, by, staff.cancel_subscription, seen=seen)

    @router.post("/link", operation_id="linkRecovery")
    def link(recovery_id: str, by: By) -> Link:
        """Make a card-update link to hand to the customer."""
        return Link(url=staff.link(house, recovery_id, by=by))

    return router


def read_recovery(house: House, recovery_id: str) -> Recovery:
    """Return a recovery as the API shows it; 404 when there is none."""
    with house.store.read() as connection:
        row = queue.item(connection, recovery_id)
    if row is None:
        raise HTTPException(404, "There is no such recovery.")
    return Recovery.of(row)
