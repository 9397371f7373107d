"""What banks and card networks advise beside the decline code: the rows of `network_advice.csv`.

`field` is where Stripe puts the code; `network` is the brand it means something on, or `any`. An empty
class changes nothing; `wait_hours` is a literal delay before the next try; `charged` says that the network
publishes a fee for a try after it. The merchant cannot override
these rows: they are the networks' law, and breaking it costs fees.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from dunning.core.decline_table import DeclineClass, data_rows

ANY: Final = "any"
MASTERCARD: Final = "mastercard"


@dataclass(frozen=True, slots=True)
class AdviceRow:
    """One piece of advice; `decline_class` None leaves the class to the decline code."""

    network: str
    field: str
    code: str
    decline_class: DeclineClass | None
    wait: timedelta | None
    charged: bool
    words_for_staff: str
    source: str

    @property
    def action(self) -> str:
        """Return in a few words what we do on this advice."""
        if self.wait is not None:
            return f"wait {int(self.wait.total_seconds()) // 3600} h, then retry"
        if self.decline_class is None:
            return "as the decline code says"
        if self.decline_class is DeclineClass.NEEDS_CARD:
            return "ask for another card, one late try in case the network renews it"
        return "never try this card again"


def _row(row: dict[str, str]) -> AdviceRow:
    return AdviceRow(
        network=row["network"],
        field=row["field"],
        code=row["code"],
        decline_class=DeclineClass(row["class"]) if row["class"] else None,
        wait=timedelta(hours=int(row["wait_hours"])) if row["wait_hours"] else None,
        charged=row["charged"] == "yes",
        words_for_staff=row["words_for_staff"],
        source=row["source"],
    )


ROWS: Final[Mapping[tuple[str, str, str], AdviceRow]] = MappingProxyType(
    {(row.network, row.field, row.code): row for row in map(_row, data_rows("network_advice.csv"))}
)


def bank_advice(advice_code: str | None) -> AdviceRow | None:
    """Return the row of Stripe's `advice_code`, which means the same on every network."""
    return ROWS.get((ANY, "advice_code", advice_code or ""))


def network_advice(brand: str | None, code: str | None) -> AdviceRow | None:
    """Return the row of a `network_advice_code`; a brand that is not known is read as Mastercard's."""
    network = MASTERCARD if brand is None else brand.lower()
    return ROWS.get((network, "network_advice_code", (code or "").strip().zfill(2)))


def network_answer(brand: str | None, code: str | None) -> AdviceRow | None:
    """Return the row of a `network_decline_code` that says more than the decline code does."""
    return ROWS.get(((brand or "").lower(), "network_decline_code", code or ""))


def network_status(status: str | None) -> AdviceRow | None:
    """Return the row of an outcome's `network_status`."""
    return ROWS.get((ANY, "network_status", status or ""))
