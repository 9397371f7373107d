"""Refusals retold in codes that the planner's built-in table reads as the card rules read them.

The planner is told decline and advice codes only, and its table is fixed. So that an override reaches it, a
refusal whose class or number of retries it would read otherwise is told by a code that stands for its class.
A number of retries that no built-in code has is kept by `own_limits` instead.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Connection

from dunning.core.decline_table import STOPPED
from dunning.core.declines import Decline, DeclineClass, classify, retry_limit
from dunning.core.vocabulary import AttemptState
from dunning.store import card_rules
from dunning.store.rows import AttemptRow

STANDS_FOR: Final = {
    DeclineClass.SOFT_FUNDS: "insufficient_funds",
    DeclineClass.SOFT_ISSUER: "do_not_honor",
    DeclineClass.TECHNICAL: "processing_error",
    DeclineClass.LIMIT: "card_velocity_exceeded",
    DeclineClass.NEEDS_AUTHENTICATION: "authentication_required",
    DeclineClass.NEEDS_CARD: "incorrect_number",
    DeclineClass.HARD: "do_not_try_again",
    DeclineClass.FRAUD: "fraudulent",
}
UPDATER_MAY_HELP: Final = "expired_card"  # stands for a card that has one late try
REFUSED: Final = frozenset({AttemptState.DECLINED, AttemptState.NEEDS_ACTION})


def decline_of(row: AttemptRow) -> Decline:
    """Return what Stripe said about a refused attempt."""
    return Decline(
        code=row.decline_code,
        advice_code=row.advice_code,
        network_advice_code=row.network_advice_code,
        network_decline_code=row.network_decline_code,
        outcome_type=row.outcome_type,
        outcome_reason=row.outcome_reason,
        network_status=row.network_status,
        brand=row.brand,
    )


def class_of(connection: Connection, row: AttemptRow) -> DeclineClass:
    """Return the class that a refusal was given; of one that has none, what the rules in force say."""
    return row.decline_class or classify(decline_of(row), card_rules.newest(connection).table)


def stopped_by_bank(connection: Connection, row: AttemptRow) -> bool:
    """Return whether a refusal is a stop that came from the bank or its network, not from Stripe."""
    blocked = row.network_status == "not_sent_to_network" or row.outcome_type == "blocked"
    return class_of(connection, row) in STOPPED and not blocked


def code_for_planner(connection: Connection, row: AttemptRow) -> str | None:
    """Return the attempt's own code, or one that says to the planner what the card rules say."""
    if row.state not in REFUSED or row.decline_code is None:
        return row.decline_code
    told = class_of(connection, row)
    limit = retry_limit(decline_of(row), card_rules.version(connection, row.rules_version).table)
    return retold(row.decline_code, _as_planned(row), told, limit)


def retold(code: str, seen: Decline, told: DeclineClass, limit: int | None) -> str:
    """Return `code`, unless the planner would read `seen` as another class or with another last try."""
    if told is DeclineClass.UNKNOWN:
        return code
    same_end = told is not DeclineClass.NEEDS_CARD or retry_limit(seen) == limit
    if classify(seen) is told and same_end:
        return code
    return UPDATER_MAY_HELP if told is DeclineClass.NEEDS_CARD and limit else STANDS_FOR[told]


def own_limits(
    connection: Connection, history: Sequence[AttemptRow], fingerprint: str | None
) -> Iterator[int]:
    """Yield, per refusal of the card by an overridden code, how many of that row's retries are left."""
    own = [row for row in history if row.state in REFUSED and row.fingerprint in {None, fingerprint}]
    for tries_since, row in enumerate(reversed(own)):
        table = card_rules.version(connection, row.rules_version).table
        limit = retry_limit(decline_of(row), table) if row.decline_code in table.overridden else None
        if limit is not None:
            yield max(limit - tries_since, 0)


def _as_planned(row: AttemptRow) -> Decline:
    """Return what the planner is told of a refusal."""
    advice, network_advice = row.advice_code, row.network_advice_code
    return Decline(row.decline_code, advice, network_advice, brand=row.brand)
