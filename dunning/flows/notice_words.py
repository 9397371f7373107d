"""The words of a notice: what its occasion is, and how it reads in the template."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning.core.billing import Customer, Whose
from dunning.core.links import make_token
from dunning.core.notices import BEFORE_A_FAILURE, TEMPLATE, NoticeKind
from dunning.core.pay_page import PageState, bill_state
from dunning.core.renewals import CardRecord, Renewal, notice_for, risk_of
from dunning.flows import wording
from dunning.flows.house import House
from dunning.mail.context import MailContext
from dunning.mail.look import Look
from dunning.mail.provider import OutgoingMail
from dunning.mail.rendered import Rendered
from dunning.store import debts, messages, objects, renewals
from dunning.store.notices import NoticeRow
from dunning.store.rows import RecoveryRow
from dunning.timing.localtime import zone_of_customer

REMEMBERED: Final = timedelta(days=62)  # how long a refusal of a card counts: two monthly bills


@dataclass(frozen=True, slots=True)
class Occasion:
    """What a notice is about, as it stands now: minor units, and the day that matters."""

    amount: int
    currency: str
    plan: str | None
    on: datetime
    number: str | None = None
    recovery: RecoveryRow | None = None
    card_id: str | None = None


def occasion(
    connection: Connection,
    notice: NoticeRow,
    recovery: RecoveryRow | None,
    coming: Renewal | None,
    now: datetime,
) -> Occasion | None:
    """Return what a notice is about, or None when that has passed: paid, cancelled, another card."""
    if recovery is None:
        return _renewal(connection, notice, coming, now)
    debt = debts.of_recovery(connection, recovery.id)
    stands = bill_state(recovery.status, debt.invoice_status if debt else None)
    fits = PageState.PAID if notice.kind is NoticeKind.THANK_YOU else PageState.OPEN
    if stands is not fits:
        return None
    invoice = objects.invoice(connection, recovery.whose, recovery.invoice_id)
    amount = recovery.amount if fits is PageState.PAID else (debt.remaining if debt else 0) or recovery.amount
    return Occasion(
        amount=amount,
        currency=recovery.currency,
        plan=debt.plan if debt else None,
        on=recovery.failed_at,
        number=invoice.number if invoice else None,
        recovery=recovery,
        card_id=recovery.card_id if fits is PageState.OPEN else None,
    )


def _renewal(
    connection: Connection, notice: NoticeRow, coming: Renewal | None, now: datetime
) -> Occasion | None:
    if coming is None or coming.card is None:
        return None
    record = record_of(connection, notice.whose, coming.card.fingerprint)
    wanted = notice_for(coming, risk_of(coming, record, now - REMEMBERED))
    if wanted is None or (wanted.kind, wanted.about) != (notice.kind, notice.about):
        return None
    objects.keep_card(connection, notice.whose, coming.card)
    return Occasion(
        coming.amount or 0, coming.currency, coming.plan, coming.renews_at, card_id=coming.card.id
    )


def record_of(connection: Connection, whose: Whose, fingerprint: str | None) -> CardRecord:
    """Return how a card did; one without a fingerprint has no record."""
    found = renewals.records(connection, whose, [fingerprint] if fingerprint else [])
    return found.get(fingerprint or "", CardRecord())


def render_notice(
    connection: Connection,
    house: House,
    notice: NoticeRow,
    customer: Customer,
    about: Occasion,
    now: datetime,
) -> Rendered:
    """Return the words of a notice; `final_on` is the day of the renewal, where nothing has failed.

    Raises:
        LookupError: there is no such template.
        ValueError: the text or the link cannot be put into a mail.
    """
    zone = zone_of_customer(customer)
    card = objects.card(connection, notice.whose, about.card_id)
    ahead = about.recovery is None
    context = MailContext(
        merchant_name=house.merchant,
        customer_name=customer.name or "",
        amount=about.amount,
        currency=about.currency,
        plan=about.plan or "",
        invoice_number=about.number or "",
        failed_on=(now if ahead else about.on).astimezone(zone).date(),
        link=_link(connection, house, notice, about, now),
        needs=wording.needs(about.recovery.decline_class) if about.recovery else "card",
        final_on=about.on.astimezone(zone).date() if ahead else None,
        card_brand=(card.brand or "").title() if card else "",
        card_last4=(card.last4 or "") if card else "",
    )
    return wording.say(connection, house, TEMPLATE[notice.kind], context, customer)


def _link(connection: Connection, house: House, notice: NoticeRow, about: Occasion, now: datetime) -> str:
    """Return the address of the page: a recovery has a link of its own, for a renewal the notice is it."""
    if about.recovery is None:
        return f"{house.settings.base_url}/pay/{make_token(notice.id, house.secret)}"
    if notice.kind is NoticeKind.THANK_YOU:
        return house.settings.base_url  # it has no button
    link = messages.link_of_message(connection, notice.id)
    link = link or wording.new_link(connection, about.recovery, notice.id, now)
    return wording.link_url(house, link.id)


def outgoing(house: House, look: Look, notice: NoticeRow, address: str, rendered: Rendered) -> OutgoingMail:
    """Return the mail as the provider takes it; the same notice always becomes the same bytes.

    Raises:
        ValueError: the address or a header cannot be put into a mail.
    """
    return wording.as_mail(
        house,
        look,
        rendered,
        to=address,
        name=notice.id,
        key=f"v1:notice:{notice.id}",
        about={"notice": notice.kind.value},
        friendly=notice.kind in BEFORE_A_FAILURE,
    )
