"""When to retry, for merchants who charge by themselves: a question and an answer; nothing is kept."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Self

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.exceptions import HTTPException

from dunning.core.clock import utc
from dunning.core.people import Right
from dunning.core.vocabulary import InvoiceClass
from dunning.flows.house import House
from dunning.flows.scheduling import Advice, advise, terms
from dunning.timing import Attempt, Case, Choice
from dunning.web.api import PROBLEMS, ROOT
from dunning.web.api_models import Body, Shape
from dunning.web.instants import Instant
from dunning.web.rights import needs

FURTHEST: Final = timedelta(days=92)  # what the planner looks ahead at most
Code = Annotated[str, Field(min_length=1, max_length=100)]


class AttemptBody(Body):
    """One charge that was tried, by anybody, with the codes that Stripe gave."""

    at: Instant
    paid: bool = False
    decline_code: Code | None = None
    advice_code: Code | None = None
    network_advice_code: Code | None = None
    card: Annotated[Code | None, Field(description="Fingerprint; null: the same card throughout.")] = None

    def told(self) -> Attempt:
        """Return the attempt as timing knows it."""
        return Attempt(**{**self.model_dump(), "at": utc(self.at)})


class SpanBody(Body):
    """No attempt from `from` on until before `to`."""

    start: Annotated[Instant, Field(alias="from")]
    end: Annotated[Instant, Field(alias="to")]


class ScheduleBody(Body):
    """One failed payment; the first attempt is the failure that opened it.

    `deadline` and `attempts_left` come from the policy in force where they are left out.
    """

    id: Annotated[str, Field(min_length=1, max_length=255)]
    amount: Annotated[int, Field(ge=0, le=2**53, description="Minor units.")]
    currency: Annotated[str, Field(pattern="^[a-z]{3}$")]
    attempts: Annotated[list[AttemptBody], Field(min_length=1, max_length=100)]
    deadline: Instant | None = None
    attempts_left: Annotated[int | None, Field(ge=0, le=100)] = None
    invoice_class: Annotated[InvoiceClass, Field(strict=False)] = InvoiceClass.RENEWAL
    customer: Code | None = None
    brand: Code | None = None
    funding: Code | None = None
    country: Annotated[str | None, Field(pattern="^[A-Z]{2}$")] = None
    timezone: Code | None = None
    not_before: Instant | None = None
    vetoes: Annotated[tuple[SpanBody, ...], Field(strict=False, max_length=50)] = ()
    card: Code | None = None

    def case(self, house: House) -> Case:
        """Return the payment as timing knows it."""
        policy = terms(house, self.invoice_class)
        failed = utc(self.attempts[0].at)
        left = policy.attempts_per_invoice - (len(self.attempts) - 1)
        facts = ("id", "amount", "currency", "customer", "brand", "funding", "country", "timezone", "card")
        return Case(
            **{name: getattr(self, name) for name in facts},
            attempts=tuple(one.told() for one in self.attempts),
            deadline=utc(self.deadline) if self.deadline else failed + policy.window,
            attempts_left=max(left, 0) if self.attempts_left is None else self.attempts_left,
            not_before=utc(self.not_before) if self.not_before else None,
            vetoes=tuple((utc(span.start), utc(span.end)) for span in self.vetoes),
        )


class Time(Shape):
    """A time to try (UTC), the chance that it pays, and why."""

    at: datetime
    probability: float
    reason: str


class Forbidden(Shape):
    """A rule that forbids from `from` until before `to`; without `to`, for good."""

    model_config = ConfigDict(populate_by_name=True)

    rule: str
    sentence: str
    start: Annotated[datetime, Field(alias="from")]
    end: Annotated[datetime | None, Field(alias="to")]


class Schedule(Shape):
    """When to retry; where `at` is null, `never` names the rule and `reason` says it in a sentence."""

    id: str
    at: datetime | None
    probability: float | None
    propensity: float | None
    never: str | None
    reason: str
    alternatives: list[Time]
    vetoed: list[Forbidden]
    deadline: datetime
    attempts_left: int
    as_of: datetime

    @classmethod
    def of(cls, advice: Advice) -> Self:
        """Return the shape of an advice."""
        told, choice = advice.explanation, advice.explanation.choice
        return cls(
            id=advice.case.id,
            at=choice.at if choice else None,
            probability=choice.probability if choice else None,
            propensity=choice.propensity if choice else None,
            never=advice.never,
            reason=told.reason,
            alternatives=[_time(other) for other in told.alternatives],
            vetoed=[
                Forbidden(rule=veto.rule, sentence=veto.sentence, start=veto.start, end=veto.end)
                for veto in told.vetoed
            ],
            deadline=advice.case.deadline,
            attempts_left=advice.case.attempts_left,
            as_of=advice.as_of,
        )


def schedule_api(house: House) -> APIRouter:
    """Return the route that answers when to retry."""
    answers: dict[int | str, dict[str, Any]] = {409: PROBLEMS[409], 422: PROBLEMS[422]}
    router = APIRouter(prefix=ROOT, tags=["schedule"], responses=answers, dependencies=[needs(Right.READ)])

    @router.post("/schedule", operation_id="schedule")
    def schedule(body: ScheduleBody) -> Schedule:
        """Answer when to retry a payment, and if never, why; nothing is charged, written or remembered.

        The planner in service, your card rules, the policy and the network's budget for the card decide, so
        send every attempt on the card.
        """
        case = body.case(house)
        if case.deadline > house.clock.now() + FURTHEST:
            raise HTTPException(422, f"`deadline` must lie within {FURTHEST.days} days from now.")
        try:
            return Schedule.of(advise(house, case, body.invoice_class))
        except ValueError as error:
            raise HTTPException(422, f"{error}.") from error

    return router


def _time(choice: Choice) -> Time:
    return Time(at=choice.at, probability=choice.probability, reason=choice.reason)
