"""The buttons on a recovery's page that are staff's own: assign, snooze, promise, note, write off, undo."""

from datetime import UTC, date, datetime, time
from typing import Annotated, Final

from fastapi import APIRouter, Form
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import RedirectResponse

from dunning.core.people import Right
from dunning.errors import StripeError
from dunning.flows import desk, giving_up
from dunning.flows.staff import Answer
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

BEGINS: Final = time(8)  # when a day on which something comes back begins


class SeenForm(BaseModel):
    """The version of the queue's line that a person looked at; without it, whatever is there is meant."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    seen: int | None = None


class AssignForm(SeenForm):
    """To whom; empty gives it back."""

    to: Annotated[str, Field(max_length=200)] = ""


class UntilForm(SeenForm):
    """Until which day (in the report time zone), and why."""

    until: date
    why: Annotated[str, Field(max_length=300)] = ""


class TextForm(SeenForm):
    """What a person knows or why they decide so."""

    text: Annotated[str, Field(max_length=1000)] = ""


class ApprovalForm(SeenForm):
    """Yes or no."""

    approve: bool


def desk_forms(screen: Screen) -> APIRouter:
    """Return the routes of the buttons that leave nothing but a note behind, and can be undone."""
    router = APIRouter(
        include_in_schema=False, prefix="/recoveries/{recovery_id}", dependencies=[needs(Right.ACT)]
    )
    house = screen.house

    @router.post("/assign")
    def assign(recovery_id: str, form: Annotated[AssignForm, Form()], by: By) -> RedirectResponse:
        return told(recovery_id, desk.assign(house, recovery_id, to=form.to, by=by, seen=form.seen))

    @router.post("/snooze")
    def snooze(recovery_id: str, form: Annotated[UntilForm, Form()], by: By) -> RedirectResponse:
        until, seen = morning(screen, form.until), form.seen
        return told(recovery_id, desk.snooze(house, recovery_id, until=until, why=form.why, by=by, seen=seen))

    @router.post("/wake")
    def wake(recovery_id: str, form: Annotated[SeenForm, Form()], by: By) -> RedirectResponse:
        return told(recovery_id, desk.wake(house, recovery_id, by=by, seen=form.seen))

    @router.post("/promise")
    def promise(recovery_id: str, form: Annotated[UntilForm, Form()], by: By) -> RedirectResponse:
        until, seen = morning(screen, form.until), form.seen
        return told(
            recovery_id, desk.promise(house, recovery_id, until=until, why=form.why, by=by, seen=seen)
        )

    @router.post("/note")
    def note(recovery_id: str, form: Annotated[TextForm, Form()], by: By) -> RedirectResponse:
        return told(recovery_id, desk.note(house, recovery_id, text=form.text, by=by))

    @router.post("/undo")
    def undo(recovery_id: str, form: Annotated[SeenForm, Form()], by: By) -> RedirectResponse:
        return told(recovery_id, desk.undo(house, recovery_id, by=by, seen=form.seen))

    return router


def ending_forms(screen: Screen) -> APIRouter:
    """Return the routes of the buttons that end a recovery for good."""
    router = APIRouter(
        include_in_schema=False, prefix="/recoveries/{recovery_id}", dependencies=[needs(Right.ACT)]
    )
    house = screen.house

    @router.post("/write-off")
    def write_off(recovery_id: str, form: Annotated[TextForm, Form()], by: By) -> RedirectResponse:
        return told(
            recovery_id, giving_up.write_off(house, recovery_id, why=form.text, by=by, seen=form.seen)
        )

    @router.post("/approval")
    def approval(recovery_id: str, form: Annotated[ApprovalForm, Form()], by: By) -> RedirectResponse:
        return told(
            recovery_id, giving_up.decide(house, recovery_id, approve=form.approve, by=by, seen=form.seen)
        )

    @router.post("/paid-elsewhere")
    def paid_elsewhere(recovery_id: str, form: Annotated[TextForm, Form()], by: By) -> RedirectResponse:
        try:
            answer = giving_up.paid_elsewhere(house, recovery_id, why=form.text, by=by, seen=form.seen)
        except StripeError as error:
            return back_to(f"/recoveries/{recovery_id}", refused=f"Stripe could not be told: {error}")
        return told(recovery_id, answer)

    return router


def told(recovery_id: str, answer: Answer) -> RedirectResponse:
    """Go back to a recovery's page, which says what was done or why it was not."""
    sentence = {"said": answer.sentence} if answer.done else {"refused": answer.sentence}
    return back_to(f"/recoveries/{recovery_id}", **sentence)


def morning(screen: Screen, day: date) -> datetime:
    """Return when a day begins at the desk, in UTC."""
    begins = datetime.combine(day, BEGINS, screen.calendar().zone)
    # East of Greenwich the first day of year 1 begins before there are dates; every button refuses it.
    return datetime.min.replace(tzinfo=UTC) if day == date.min else begins.astimezone(UTC)
