"""Trying Stripe's door while a breaker is open: one caller at a time, one question that charges nothing."""

from collections.abc import Callable
from typing import Final

from dunning import logs
from dunning.core.billing import Whose
from dunning.core.breaker import Breaker, Cause
from dunning.errors import Refused, Transient
from dunning.flows.driver import Flow
from dunning.flows.house import House
from dunning.store import breakers

NO_INVOICE: Final = (
    "in_dunning_probe"  # an id that no account has: 404 where the right is there, 403 where not
)

log = logs.get(__name__)


def probe(house: House) -> Flow[Breaker, bool]:
    """Return the flow that tries the door of a breaker whose time has come."""
    return Flow(
        claim=lambda: _claim(house),
        ask=lambda breaker: _ask(house, breaker),
        record=lambda breaker, fine: _record(house, breaker, fine=fine),
    )


def _claim(house: House) -> Breaker | None:
    with house.store.write() as connection:
        found = breakers.take_probe(connection, house.clock.now())
    house.guard.reopened()  # for this one question; what it brings decides about the rest
    return found


def _ask(house: House, breaker: Breaker) -> bool:
    """Ask what needs the same door: any answer ends an outage; a right is there when the id is not found."""
    if breaker.cause is Cause.OUTAGE:
        return _answers(house.stripe.account) is not None
    whose = Whose(breaker.account_id, house.settings.livemode)
    return _answers(lambda: house.stripe.set_auto_advance(whose, NO_INVOICE, on=False)) not in {
        None,
        401,
        403,
    }


def _answers(question: Callable[[], object]) -> int | None:
    """Return the HTTP status of the answer, or None when there was none."""
    try:
        question()
    except Transient:
        return None
    except Refused as error:
        return error.status
    return 200


def _record(house: House, breaker: Breaker, *, fine: bool) -> None:
    if not fine:
        log.warning("breaker_stays_open", account_id=breaker.account_id, cause=breaker.cause.value)
        return
    with house.store.write() as connection:
        breakers.close(connection, breaker.account_id, house.clock.now())
    log.warning("breaker_closed", account_id=breaker.account_id)
