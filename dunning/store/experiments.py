"""Experiments: the share held out, and which customer is on which side, written once."""

from datetime import datetime
from fractions import Fraction
from typing import Final

from sqlalchemy import Connection, bindparam, select

from dunning.core.billing import Whose
from dunning.core.experiments import arm_of, probability
from dunning.core.vocabulary import Arm, Experiment
from dunning.store import switches
from dunning.store.prepared import belongs, owner
from dunning.store.tables import assignments
from dunning.store.tables import switches as switches_table
from dunning.store.upsert import insert_once

SALT: Final = "1"  # another one would draw every customer anew
_PREFIX: Final = "holdout:"
_NAMES: Final = {f"{_PREFIX}{experiment}": experiment for experiment in Experiment}
_SHARES: Final = select(switches_table.c.name, switches_table.c.value).where(
    switches_table.c.name.in_(sorted(_NAMES))
)
_ARM: Final = select(assignments.c.arm).where(
    *belongs(assignments),
    assignments.c.experiment == bindparam("its_experiment"),
    assignments.c.customer_id == bindparam("its_customer"),
)


def shares(connection: Connection) -> dict[Experiment, Fraction]:
    """Return the share of the customers that each experiment holds out; 0 where none runs."""
    set_to = {_NAMES[row.name]: Fraction(row.value) for row in connection.execute(_SHARES)}
    return {experiment: set_to.get(experiment, Fraction(0)) for experiment in Experiment}


def put_share(
    connection: Connection, experiment: Experiment, share: Fraction, *, at: datetime, by: str
) -> None:
    """Set the share of the customers, of those who come new to an experiment, that is held out."""
    switches.put(connection, f"{_PREFIX}{experiment}", str(share), at=at, by=by)


def assign(
    connection: Connection,
    whose: Whose,
    customer: str,
    experiment: Experiment,
    share: Fraction,
    now: datetime,
) -> Arm:
    """Return the customer's arm; the first call decides it for good, whatever becomes of the share."""
    key = {**owner(whose), "its_experiment": experiment, "its_customer": customer}
    known: Arm | None = connection.execute(_ARM, key).scalar_one_or_none()
    if known is not None:
        return known
    arm = arm_of(experiment, customer, share, salt=SALT)
    row = {"experiment": experiment, "account_id": whose.account_id, "livemode": whose.livemode}
    row |= {"customer_id": customer, "arm": arm, "probability": str(probability(arm, share))}
    insert_once(connection, assignments, row | {"salt": SALT, "assigned_at": now})
    return Arm(connection.execute(_ARM, key).scalar_one())
