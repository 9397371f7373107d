"""What the bank behind a card answers."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dunning.sandbox import chance
from dunning.sandbox.banking import mandate_of
from dunning.sandbox.declines import PAID, PROCESSING, Verdict, declined
from dunning.sandbox.state import CardFile, Obj, Trouble, World

# A bank that could approve sometimes does not: approvals by day and by night, and of a wary issuer.
_APPROVES = {True: 0.96, False: 0.92}
_WARY_APPROVES = {True: 0.95, False: 0.80}


def judge(world: World, invoice: Obj, pm: Obj, *, on_session: bool) -> Verdict:
    """Return what one attempt on this card comes to now; `on_session` when the customer is present."""
    if world.forced:
        return declined(world.forced.pop(0))
    if pm["type"] != "card":
        return _debit(world, pm)
    now = world.now()
    if (pm["card"]["exp_year"], pm["card"]["exp_month"]) < (now.year, now.month):
        return declined("expired_card")
    file = world.cards[pm["id"]]
    if file.trouble is not None and not helped(file.trouble, now):
        return _refuse(world, invoice, file, file.trouble, on_session=on_session)
    if not on_session and _moody(world, invoice, pm, file.trouble):
        return declined("do_not_honor")
    return PAID


def _debit(world: World, pm: Obj) -> Verdict:
    """Return what a bank says at once: it will see, or that nobody may debit this account."""
    mandate = mandate_of(world, pm["id"])
    stands = mandate is not None and mandate["status"] == "active"
    return PROCESSING if stands else undebited("debit_not_authorized")


def undebited(code: str) -> Verdict:
    """Return the verdict of a debit that failed; banks give a failure code and no decline code or advice."""
    message = "The bank account could not be debited."
    return Verdict("declined", code, code, message, network_status="declined_by_network", outcome_reason=code)


def helped(trouble: Trouble, now: datetime) -> bool:
    """Say whether the trouble is over, or suspended (money on the account), at this instant."""
    if trouble.clears_at is not None and now >= trouble.clears_at:
        return True
    return any(start <= now < end for start, end in trouble.windows)


def _refuse(world: World, invoice: Obj, file: CardFile, trouble: Trouble, *, on_session: bool) -> Verdict:
    if trouble.cause == "authentication" and on_session:
        return PAID
    if trouble.cause == "processing":
        file.trouble = None
        return PROCESSING
    trouble.tries += 1
    if trouble.cause == "block" and trouble.clears_at is not None and trouble.tries > 1:
        hours = chance.exponential(8, world.seed, invoice["id"], "wary", trouble.tries)
        trouble.clears_at += timedelta(hours=hours)
    return declined(trouble.decline_code, network_advice_code=trouble.network_advice_code)


def _moody(world: World, invoice: Obj, pm: Obj, trouble: Trouble | None) -> bool:
    if world.files[invoice["id"]].failed_at is None or trouble is None or trouble.cause == "scripted":
        return False
    person = world.people[invoice["customer"]]
    day = 7 <= world.now().astimezone(ZoneInfo(person.zone)).hour < 22
    approves = (_WARY_APPROVES if trouble.cause == "block" else _APPROVES)[day]
    return world.roll(invoice["id"], pm["id"], world.stamp(), "mood") >= approves
