"""Experiments: setting the share that is held out, and putting a recovery on its customer's side."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction

from sqlalchemy import Connection

from dunning.core.billing import Whose
from dunning.core.vocabulary import Arm, Experiment, Retries
from dunning.flows.house import House
from dunning.store import audit, experiments


def set_shares(house: House, shares: Mapping[Experiment, Fraction], *, by: str) -> None:
    """Set what share of the customers is held out, from the next recovery on; open ones keep their side."""
    with house.store.write() as connection:
        at, before = house.clock.now(), experiments.shares(connection)
        for experiment, share in shares.items():
            experiments.put_share(connection, experiment, share, at=at, by=by)
        was = {name.value: str(share) for name, share in before.items() if name in shares}
        becomes = {name.value: str(share) for name, share in shares.items()}
        action = "holdout.set"
        audit.append(connection, at=at, by=by, action=action, about="holdout", before=was, after=becomes)


def arms_of(
    connection: Connection,
    whose: Whose,
    customer: str | None,
    retries: Retries,
    now: datetime,
    *,
    writes: bool,
) -> dict[str, Arm | None]:
    """Return the arms of a recovery that opens, by column; None where no experiment concerns it.

    Retries that Stripe makes and messages that are not written cannot be held back from anybody.
    """
    running = experiments.shares(connection)
    if retries is Retries.WATCH:
        running[Experiment.RETRIES] = Fraction(0)
    if not any(running.values()) or customer is None:
        return {}
    if not writes:
        running[Experiment.MESSAGES] = Fraction(0)
    return {
        f"{experiment}_arm": experiments.assign(connection, whose, customer, experiment, share, now)
        for experiment, share in running.items()
        if share
    }
