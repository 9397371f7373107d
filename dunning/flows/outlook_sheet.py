"""The outlook, the renewals at risk and the proof as tables to take away: one figure or one fact a row."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from dunning.core.churn import DEFINITIONS as OF_CHURN
from dunning.core.churn import Weight
from dunning.core.sheet import Cell, Column, Kind, Sheet
from dunning.flows import renewing
from dunning.flows.outlook import DEFINITIONS, Outlook

FIGURES = (
    Column("currency"),
    Column("of"),
    Column("period"),
    Column("figure"),
    Column("amount", Kind.MONEY),
    Column("count", Kind.COUNT),
    Column("share", Kind.SHARE),
)
RENEWALS = (
    Column("currency"),
    Column("renews_at"),
    Column("customer"),
    Column("customer_name"),
    Column("amount", Kind.MONEY),
    Column("why"),
    Column("noticed_at"),
    Column("subscription"),
)
PROOF = (
    Column("currency"),
    Column("day"),
    Column("of"),
    Column("ledger", Kind.MONEY),
    Column("stripe", Kind.MONEY),
    Column("source"),
    Column("direction"),
    Column("recovery"),
)


def outlook_sheet(found: Outlook, now: datetime) -> Sheet:
    """Return forecast, churn and value saved, one figure a row; `now` is when they were read."""
    judged = found.backtest
    about = (
        ("Data as of", f"{now:%Y-%m-%d %H:%M} UTC"),
        ("Backtest of the 80 % interval", f"{judged.held} of {judged.forecasts} past forecasts held"),
    )
    rows = [*_forecasts(found), *_churn(found), *_saved(found)]
    meanings = {**DEFINITIONS, **OF_CHURN}
    return Sheet(f"outlook-{now:%Y-%m-%d}", "Outlook", about, FIGURES, rows, meanings)


def at_risk_sheet(found: renewing.Forecast, now: datetime) -> Sheet:
    """Return the coming renewals that may fail, the next first."""
    about = (
        ("Data as of", f"{now:%Y-%m-%d %H:%M} UTC"),
        ("Renewals read", _instant(found.read_at) or "never"),
    )
    rows: list[list[Cell]] = [
        [
            *(one.currency, _instant(one.renews_at), one.customer, one.customer_name, one.amount),
            *(renewing.WORDS[one.risk], _instant(one.noticed_at), one.subscription),
        ]
        for one in found.renewals
    ]
    meaning = {"revenue at risk": renewing.DEFINITION}
    return Sheet(f"revenue-at-risk-{now:%Y-%m-%d}", "Revenue at risk", about, RENEWALS, rows, meaning)


def proof_sheet(
    breaks: Iterable[Mapping[str, Any]], days: Iterable[Mapping[str, Any]], now: datetime
) -> Sheet:
    """Return the differences between ledger and Stripe's balance first, then each proved day's totals."""
    rows: list[list[Cell]] = [
        [
            *(row["currency"], str(row["day"]), "difference", row["ledger"], row["stripe"]),
            *(row["source_id"], row["direction"], row["recovery_id"]),
        ]
        for row in breaks
    ]
    for row in days:
        totals = row["totals"].items()
        rows += [
            [code, str(row["day"]), "day", both["ledger"], both["stripe"], None, None, None]
            for code, both in totals
        ]
    meanings = {
        "difference": "A movement whose sums differ, or which one side lacks: there must be none.",
        "day": "What moved on a day of UTC, in the ledger and among Stripe's balance transactions.",
    }
    about = (("Data as of", f"{now:%Y-%m-%d %H:%M} UTC"),)
    return Sheet(f"proof-{now:%Y-%m-%d}", "Proof against Stripe's balance", about, PROOF, rows, meanings)


def _forecasts(found: Outlook) -> Iterator[list[Cell]]:
    for code, one in found.forecasts.items():
        yield [code, "forecast", None, "open", None, one.count, None]
        sums = {"at_risk": one.at_risk, "expected": one.expected, "low": one.low, "high": one.high}
        for name, amount in sums.items():
            yield [code, "forecast", None, name, amount, None, None]


def _churn(found: Outlook) -> Iterator[list[Cell]]:
    for month, weights in found.churn:
        for name, one in weights.items():
            heads = name == "customers"
            code = None if heads else name
            sizes = {"start": one.start, "involuntary": one.involuntary, "voluntary": one.voluntary}
            for figure, size in sizes.items():
                yield [code, "churn", month, figure, None if heads else size, size if heads else None, None]
            for figure, share in _rates(one).items():
                yield [code, "churn", month, figure, None, None, share]


def _rates(one: Weight) -> dict[str, Cell]:
    return {
        "simple": one.simple(one.lost),
        "adjusted": one.adjusted(one.lost),
        "predictive": one.predictive,
        "involuntary_simple": one.simple(one.involuntary),
    }


def _saved(found: Outlook) -> Iterator[list[Cell]]:
    for code, one in found.saved.items():
        yield [code, "saved", None, "subscriptions", None, one.subscriptions, None]
        yield [code, "saved", None, "months_kept", None, one.months, None]
        yield [code, "saved", None, "value_saved", one.value, None, None]


def _instant(at: datetime | None) -> str | None:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at is not None else None
