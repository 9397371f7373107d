"""The rates that stand beside the sums, as exact fractions; a rate of nothing is not shown. Pure."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from dunning.core.report_words import Subject

Measured = Mapping[str, int]


def _share(part: str, whole: Callable[[Measured], int]) -> Callable[[Measured], Fraction | None]:
    return lambda sums: Fraction(sums.get(part, 0), whole(sums)) if whole(sums) > 0 else None


def _of(*names: str) -> Callable[[Measured], int]:
    return lambda sums: sum(sums.get(name, 0) for name in names)


RATES: Final[Mapping[Subject, Mapping[str, tuple[Callable[[Measured], Fraction | None], str]]]] = {
    Subject.FAILURES: {
        "recovery_rate": (
            _share("recovered", _of("failed")),
            "Recovered ÷ failed: what is still in flight counts against it.",
        ),
        "settled_recovery_rate": (
            _share("recovered", _of("recovered", "lost", "stopped")),
            "Recovered ÷ (recovered + lost + stopped): what is still in flight is left out.",
        ),
    },
    Subject.CASH: {},
    Subject.ENDINGS: {},
    Subject.ATTEMPTS: {
        "success_rate": (_share("paid", _of("tried")), "Attempts that paid ÷ attempts that were answered."),
    },
    Subject.MESSAGES: {
        "click_rate": (_share("clicked", _of("sent")), "Messages whose link was used ÷ messages sent."),
        "paid_rate": (
            _share("paid", _of("sent")),
            "Messages that were the last before the payment ÷ messages sent.",
        ),
    },
}


def net(sums: Measured) -> dict[str, int]:
    """Return recovered less what went back, and that less Stripe's fees where they are known."""
    if "recovered" not in sums or "refunded" not in sums:
        return {}
    left = sums["recovered"] - sums["refunded"] - sums.get("disputed", 0) - sums.get("credited", 0)
    return {"net": left, "net_of_fees": left - sums.get("fees", 0)}


NET: Final = {
    "net": "Recovered, less refunded, disputed and credited.",
    "net_of_fees": "Net, less Stripe's fees where its balance transactions are known.",
}
