"""Charts and their tables, made from a report that is cut by period."""

from collections.abc import Mapping, Sequence

from dunning.flows.report import Basis, Figures, Report
from dunning.web.chart import Chart, Period, draw
from dunning.web.tongues import Tongue

FEWEST = 6


def charts_of(report: Report, tongue: Tongue) -> list[Chart]:
    """Return one chart per currency, the largest first; `net` chooses which recovered figure is drawn."""
    figure = "net" if report.question.net else "recovered"
    charts = []
    for currency in report.currencies:
        periods = []
        for name, by_currency in _since_first(report):
            found = by_currency.get(currency)
            amounts = found.amounts if found else {}
            periods.append(Period(name, amounts.get("failed", 0), amounts.get(figure, 0)))
        charts.append(draw(currency, periods, title=_title(report, currency, tongue), tongue=tongue))
    return charts


def _title(report: Report, currency: str, tongue: Tongue) -> str:
    t, cohort = tongue.t, report.question.basis is Basis.COHORT
    facts = {"period": t(report.question.group_by or "period"), "currency": currency.upper()}
    if report.question.net:
        if cohort:
            return t("Failed, and net recovered of those failures, by %(period)s, %(currency)s", **facts)
        return t("Failed, and net recovered in the same period, by %(period)s, %(currency)s", **facts)
    if cohort:
        return t("Failed, and recovered of those failures, by %(period)s, %(currency)s", **facts)
    return t("Failed, and recovered in the same period, by %(period)s, %(currency)s", **facts)


def _since_first(report: Report) -> Sequence[tuple[str, Mapping[str, Figures]]]:
    """Return the periods from the first in which anything happened, but never fewer than a handful."""
    groups = report.groups
    first = next((index for index, (_, by) in enumerate(groups) if by), 0)
    return groups[min(first, max(len(groups) - FEWEST, 0)) :]
