"""Why a card fails, and when it stops failing: paydays, wary issuers, outages, limits, dead cards.

The shares follow published failure mixes where there are any, and are assumptions elsewhere.
"""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dunning.sandbox import chance
from dunning.sandbox.paydays import windows
from dunning.sandbox.state import Obj, Person, Trouble, World

_CAUSES = {
    "debit": (("funds", 0.55), ("block", 0.17), ("technical", 0.04), ("limit", 0.04), ("dead", 0.20)),
    "credit": (("credit", 0.26), ("block", 0.38), ("technical", 0.06), ("limit", 0.03), ("dead", 0.27)),
    "prepaid": (("funds", 0.70), ("block", 0.10), ("technical", 0.03), ("limit", 0.02), ("dead", 0.15)),
}
_CODES = {
    "funds": (
        ("insufficient_funds", 0.78),
        ("generic_decline", 0.10),
        ("do_not_honor", 0.10),
        ("card_velocity_exceeded", 0.02),
    ),
    "credit": (
        ("insufficient_funds", 0.62),
        ("generic_decline", 0.18),
        ("do_not_honor", 0.14),
        ("card_velocity_exceeded", 0.06),
    ),
    "block": (
        ("generic_decline", 0.46),
        ("do_not_honor", 0.40),
        ("try_again_later", 0.10),
        ("transaction_not_allowed", 0.04),
    ),
    "technical": (
        ("processing_error", 0.42),
        ("issuer_not_available", 0.38),
        ("try_again_later", 0.12),
        ("generic_decline", 0.08),
    ),
    "limit": (("card_velocity_exceeded", 0.6), ("withdrawal_count_limit_exceeded", 0.4)),
    "dead": (
        ("expired_card", 0.40),
        ("lost_card", 0.08),
        ("stolen_card", 0.08),
        ("pickup_card", 0.06),
        ("invalid_account", 0.08),
        ("fraudulent", 0.04),
        ("generic_decline", 0.16),
        ("do_not_honor", 0.12),
    ),
    "authentication": (("authentication_required", 1.0),),
}
_HORIZON = timedelta(days=75)


def strike(world: World, invoice: Obj, pm: Obj) -> None:
    """Perhaps let trouble begin on this card at the first charge of this invoice."""
    person, file = world.people[invoice["customer"]], world.cards[pm["id"]]
    if file.trouble is not None or person.fragility <= 0:
        return
    if world.roll(invoice["id"], "strikes") >= person.fragility:
        return
    cause = _cause(world, invoice, pm, person)
    trouble = begin(world, invoice, person, cause)
    if any(start <= world.now() < end for start, end in trouble.windows):
        return
    file.trouble = trouble
    _mark_card(world, invoice, pm, trouble)


def _cause(world: World, invoice: Obj, pm: Obj, person: Person) -> str:
    # Who fails often fails for the same reason: the account is empty before payday.
    if person.fragility > 0.5 and world.roll(invoice["customer"], "usual") < 0.85:
        return "credit" if pm["card"]["funding"] == "credit" else "funds"
    if pm["card"]["country"] != "US" and world.roll(invoice["id"], "sca") < 0.16:
        return "authentication"
    return chance.pick(_CAUSES[pm["card"]["funding"]], world.seed, invoice["id"], "cause")


def begin(world: World, invoice: Obj, person: Person, cause: str) -> Trouble:
    """Return trouble of this cause, beginning now, with its end decided by the invoice's own chance."""
    now = world.now()
    trouble = Trouble(cause, chance.pick(_CODES[cause], world.seed, invoice["id"], "code"), since=now)
    if cause == "funds":
        if world.roll(invoice["id"], "abandoned") >= 0.12:
            trouble.windows = windows(world, invoice["customer"], person, now, now + _HORIZON)
    elif cause not in {"dead", "authentication"}:
        trouble.clears_at = _clears_at(world, invoice["id"], person, cause, now)
    return trouble


def _clears_at(world: World, invoice: str, person: Person, cause: str, now: datetime) -> datetime | None:
    seed = (world.seed, invoice, "clears")
    if cause == "limit":
        return _limit_reset(now, ZoneInfo(person.zone), chance.uniform(*seed))
    if cause == "credit":
        return None if chance.uniform(*seed) < 0.20 else now + timedelta(days=20 * chance.uniform(*seed, 2))
    if cause == "block":
        permanent = chance.uniform(*seed) < 0.30
        return None if permanent else now + timedelta(hours=chance.lognormal(36, 1.2, *seed, 2))
    mean = 5 if chance.uniform(*seed) < 0.9 else 48
    return now + timedelta(hours=chance.exponential(mean, *seed, 2))


def _limit_reset(now: datetime, zone: ZoneInfo, roll: float) -> datetime:
    today = now.astimezone(zone).date()
    if roll < 0.6:
        day = today + timedelta(days=1)
    elif roll < 0.8:
        day = today + timedelta(days=7 - today.weekday())
    else:
        day = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    return datetime.combine(day, time(0), zone)


def _mark_card(world: World, invoice: Obj, pm: Obj, trouble: Trouble) -> None:
    roll = chance.uniform(world.seed, invoice["id"], "network")
    if trouble.decline_code == "expired_card":
        last = world.now().replace(day=1) - timedelta(days=1)
        pm["card"] = pm["card"] | {"exp_month": last.month, "exp_year": last.year}
    if pm["card"]["brand"] == "mastercard":
        trouble.network_advice_code = _advice(trouble, roll)
    share = {"expired_card": 0.6, "lost_card": 0.2, "stolen_card": 0.2, "invalid_account": 0.25}
    if chance.uniform(world.seed, invoice["id"], "updater") < share.get(trouble.decline_code, 0):
        at = world.now() + timedelta(days=1 + 7 * roll)
        world.schedule(at, "update_card", pm=pm["id"])


def _advice(trouble: Trouble, roll: float) -> str | None:
    if trouble.cause in {"funds", "credit"}:
        return chance.pick((("02", 0.7), ("25", 0.1), ("26", 0.1), ("27", 0.1)), roll)
    if trouble.cause == "dead":
        return "01" if trouble.decline_code == "expired_card" else "03"
    return None
