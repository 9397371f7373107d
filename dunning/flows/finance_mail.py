"""The monthly mail to finance: last month's figures on both bases, sent at most once a month.

A row is written before the mail is handed over; a month whose row is there is never mailed again.
"""

from datetime import date, datetime, time, timedelta
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from dunning import logs
from dunning.core.ids import derive_id
from dunning.core.money import Money
from dunning.core.months import days_of
from dunning.flows import wording
from dunning.flows.house import House
from dunning.flows.report import Basis, Question, Report, basis_definition, recovered_revenue
from dunning.mail.provider import NotSent, OutgoingMail, UnknownOutcome
from dunning.mail.rendered import Rendered
from dunning.store import beats, finance_mails

NAMES: Final = ("failed", "recovered", "lost", "stopped", "open", "refunded", "disputed", "credited", "net")
SETTLES: Final = timedelta(hours=6)  # after midnight of the first: what came at the last minute is in

log = logs.get(__name__)


def mail_month(house: House) -> bool:
    """Mail the month that ended last, unless nobody wants it or it was mailed; return whether it was sent."""
    recipient = house.settings.finance_mail
    if recipient is None or house.settings.mail_from is None:
        return False
    now, zone = house.clock.now(), ZoneInfo(house.settings.report_timezone)
    begun = (now - SETTLES).astimezone(zone).date().replace(day=1)
    month = f"{begun - timedelta(days=1):%Y-%m}"
    with house.store.write() as connection:
        if house.guard.unsure(connection, now) is not None or _may_be_out(connection, begun, zone):
            return False
        if not finance_mails.claim(connection, month, recipient, livemode=house.settings.livemode, now=now):
            return False
    with house.store.read(steady=True) as connection:
        outgoing = _written(connection, house, month, recipient, zone)
    state, note = _hand_over(house, outgoing)
    with house.store.write() as connection:
        finance_mails.conclude(connection, month, recipient, state, note)
    return state == "sent"


def _may_be_out(connection: Connection, begun: date, zone: ZoneInfo) -> bool:
    """Return whether the mail became due in a time that the database has forgotten."""
    mode = beats.read(connection).mode
    due = datetime.combine(begun, time(), zone) + SETTLES
    return mode is not None and mode.forgets(due)


def _hand_over(house: House, outgoing: OutgoingMail) -> tuple[str, str | None]:
    try:
        house.mailer.send(outgoing)
    except NotSent as error:
        return "failed", error.reason
    except UnknownOutcome as error:
        return "unknown", error.reason
    return "sent", None


def _written(
    connection: Connection, house: House, month: str, recipient: str, zone: ZoneInfo
) -> OutgoingMail:
    first, last = days_of(month)
    lines = [f"Recovered revenue of {month}, {house.merchant}."]
    for basis in Basis:
        asked = Question(first, last, zone, house.settings.livemode, basis)
        answer = recovered_revenue(connection, asked, now=house.clock.now())
        lines += ["", basis_definition(basis), *_lines(answer)]
    page = f"{house.settings.base_url}/reports/recovered-revenue?from={first}&to={last}"
    lines += ["", "Files, definitions and the payments behind each figure:", page]
    lines += ["", f"{month} can be closed at {house.settings.base_url}/reports/months."]
    text = "\n".join(lines)
    said = Rendered(f"Recovered revenue of {month}", "", text, f"<pre>{escape(text)}</pre>")
    key = derive_id("fin", house.clock.now(), month, recipient)
    look = wording.look_of(connection)
    return wording.as_mail(house, look, said, to=recipient, name=key, key=key, about={"month": month})


def _lines(answer: Report) -> list[str]:
    return [
        f"  {code.upper()}  " + ", ".join(f"{name} {Money(sums.amounts[name], code)}" for name in NAMES)
        for code, sums in answer.currencies.items()
    ] or ["  Nothing failed in it."]
