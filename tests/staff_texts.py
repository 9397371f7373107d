"""The texts that pages show out of Python's own tables, for the catalogues of staff."""

from collections.abc import Iterable

from dunning.core import churn, definitions, report_rates, report_words
from dunning.core.alerts import HEADINGS
from dunning.core.announcement import TellingState
from dunning.core.policy import RULES
from dunning.core.vocabulary import Recipient
from dunning.flows import arms, bridging, grouped, outlook, protection, renewing, report, uplift
from dunning.web import curve, cut_words, jobs, people, settings_page, tokens


def of_reports() -> set[str]:
    """Return the names and definitions of figures and dimensions, as pages show them."""
    names = {*report.GroupBy, *definitions.FIGURES, *definitions.BASES, *report_words.NAMES}
    names |= {*report_rates.NET, *(name for rates in report_rates.RATES.values() for name in rates)}
    names |= {name for every in report_words.DIMENSIONS.values() for name in every}
    said = {*definitions.BASES.values(), *definitions.REASONS.values(), definitions.IMPORTED}
    for basis in report.Basis:
        said |= {*report.definitions(basis).values()}
    for subject in report_words.Subject:
        said |= {*grouped.definitions(subject).values()}
    for each in (outlook.DEFINITIONS, churn.DEFINITIONS, uplift.DEFINITIONS, arms.DEFINITIONS):
        names |= {*each}
        said |= {*each.values()}
    said |= {renewing.DEFINITION, *renewing.WORDS.values(), protection.DEFINITION}
    said |= {*grouped.TITLES.values(), *bridging.STEPS.values(), *curve.TITLES.values(), *curve.WEEKDAYS}
    said |= {*cut_words.TIMES.values(), *cut_words.CREDITED.values(), *cut_words.WEEKDAYS, "None", "period"}
    return said | spaced(names)


def of_settings() -> set[str]:
    """Return what the pages of settings, campaigns and webhooks take from tables."""
    said = {text for pair in settings_page.MODES.values() for text in pair}
    said |= {*tokens.SCOPES.values(), *people.ROLES.values(), *jobs.MEANING.values(), *HEADINGS.values()}
    return said | {"failing", *TellingState} | spaced(Recipient) | spaced(RULES)


def spaced(keys: Iterable[str]) -> set[str]:
    """Return keys as they are read."""
    return {str(key).replace("_", " ") for key in keys}
