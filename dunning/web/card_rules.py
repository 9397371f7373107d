"""Card rules in Settings: what each code means, the merchant's own rows and budgets, what they protect."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse

from dunning.core.card_rules import CLASSES, NETWORKS, RETRIES_MOST, WORDS_MOST, spelt
from dunning.core.card_rules_file import written
from dunning.core.network_advice import ROWS
from dunning.core.network_rules import BUDGET_SOURCES, OTHER
from dunning.core.people import Right
from dunning.flows import card_rules
from dunning.flows.card_rules import Published
from dunning.flows.protection import DEFINITION, protected, totals
from dunning.store import card_rules as kept
from dunning.store import withheld
from dunning.web.rights import By, needs
from dunning.web.screen import Screen, back_to

HOME = "/settings/card-rules"
SHORT = Field(max_length=100)


class RowForm(BaseModel):
    """One code and what it means here; empty `retries` and `words` leave them to the table."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    code: Annotated[str, SHORT]
    decline_class: Annotated[str, SHORT]
    retries: Annotated[str, SHORT] = ""
    words: Annotated[str, Field(max_length=2 * WORDS_MOST)] = ""


class BackForm(BaseModel):
    """The code whose built-in row is taken back."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    code: Annotated[str, SHORT]


class BudgetForm(BaseModel):
    """A network's budgets, separated by commas; none takes back the built-in ones."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)
    network: Annotated[str, SHORT]
    budgets: Annotated[str, SHORT] = ""


def card_rules_pages(screen: Screen) -> APIRouter:
    """Return the routes of the card rules and their forms."""
    router = APIRouter(include_in_schema=False, dependencies=[needs(Right.READ)])
    house = screen.house

    @router.get(HOME)
    def page(request: Request, code: str = "") -> HTMLResponse:
        return screen.page(request, "card_rules.html", **_facts(screen, code))

    @router.post(f"{HOME}/row", dependencies=[needs(Right.ADMIN)])
    def set_row(form: Annotated[RowForm, Form()], by: By) -> RedirectResponse:
        own: dict[str, Any] = {"class": form.decline_class}
        if form.retries:
            own["retries"] = int(form.retries) if form.retries.isdecimal() else form.retries
        if form.words:
            own["words"] = form.words
        return _back(card_rules.set_row(house, form.code, own, by=by))

    @router.post(f"{HOME}/row/back", dependencies=[needs(Right.ADMIN)])
    def take_back(form: Annotated[BackForm, Form()], by: By) -> RedirectResponse:
        if form.code not in card_rules.in_force(house).document.get("declines", {}):
            return back_to(HOME, refused=f"{form.code} has no row of your own to take back.")
        return _back(card_rules.set_row(house, form.code, None, by=by))

    @router.post(f"{HOME}/budgets", dependencies=[needs(Right.ADMIN)])
    def set_budgets(form: Annotated[BudgetForm, Form()], by: By) -> RedirectResponse:
        own = [part.strip() for part in form.budgets.split(",") if part.strip()]
        if not own and form.network not in card_rules.in_force(house).document.get("budgets", {}):
            return back_to(HOME, said="Nothing changed: the built-in budget holds already.")
        return _back(card_rules.set_budgets(house, form.network, own or None, by=by))

    return router


def summary(screen: Screen) -> dict[str, Any]:
    """Return what the Settings page says of the card rules."""
    livemode = screen.house.settings.livemode
    with screen.house.store.read() as connection:
        rules = kept.newest(connection)
        seen = kept.codes_seen(connection, livemode=livemode)
        lines = protected(withheld.counts(connection, livemode=livemode))
    return {
        "rules": rules,
        "undescribed": card_rules.undescribed(seen, rules),
        "protected": lines,
        "avoided": totals(lines),
    }


def _facts(screen: Screen, code: str) -> dict[str, Any]:
    with screen.house.store.read() as connection:
        versions = kept.history(connection)
    told = summary(screen)
    rules = told["rules"]
    row = rules.table.row(code)
    return told | {
        "code": code,
        "row": row,
        "own": rules.document.get("declines", {}).get(code, {}),
        "classes": CLASSES,
        "retries_most": RETRIES_MOST,
        "words_most": WORDS_MOST,
        "advice": ROWS.values(),
        "budgets": [_budget(rules, network) for network in NETWORKS],
        "definition": DEFINITION,
        "versions": [_version(version) for version in versions],
    }


def _budget(rules: Any, network: str) -> dict[str, Any]:
    own = network in rules.document.get("budgets", {})
    held = rules.budgets.get(network, rules.budgets[OTHER])
    source = f"yours, version {rules.version}" if own else BUDGET_SOURCES.get(network, "held to other")
    return {"network": network, "spelt": ", ".join(map(spelt, held)), "own": own, "source": source}


def _version(row: Any) -> dict[str, Any]:
    at: datetime = row["published_at"]
    by, says = row["published_by"], written(row["document"])
    return {"version": row["version"], "at": at, "by": by, "says": says}


def _back(done: Published) -> RedirectResponse:
    if done.mistakes:
        return back_to(HOME, refused=f"Nothing was published: {done.mistakes[0].sentence}")
    if not done.changed:
        return back_to(HOME, said="Nothing changed: the rules in force say the same.")
    return back_to(HOME, said=f"Published version {done.version}: the next refusal is read by it.")
