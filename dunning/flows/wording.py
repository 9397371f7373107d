"""The words of a message: the facts of a recovery put into its template, with its card-update link."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final, Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection

from dunning.channels.sms import render_text
from dunning.core.billing import Customer, Invoice
from dunning.core.declines import DeclineClass, customer_wording
from dunning.core.ids import derive_id
from dunning.core.links import make_token
from dunning.flows.house import House
from dunning.mail.compose import compose
from dunning.mail.context import MailContext
from dunning.mail.provider import Outgoing, OutgoingMail
from dunning.mail.render import Rendered, render
from dunning.store import messages, objects
from dunning.store.rows import LinkRow, MessageRow, RecoveryRow
from dunning.timing.localtime import zone_of

LINK_LIVES: Final = timedelta(days=60)
Needs = Literal["card", "authentication", "funds", "payment"]


def render_message(
    connection: Connection,
    house: House,
    message: MessageRow,
    recovery: RecoveryRow,
    invoice: Invoice,
    customer: Customer,
    now: datetime,
) -> Rendered:
    """Return the words of a message; its link is made with it and kept."""
    link = messages.link_of_message(connection, message.id) or new_link(connection, recovery, message.id, now)
    zone = zone_of(customer.timezone, customer.country)
    card = objects.card(connection, recovery.whose, recovery.card_id)
    upcoming = recovery.next_attempt_at
    context = MailContext(
        merchant_name=house.merchant,
        customer_name=customer.name or "",
        amount=invoice.amount_remaining,
        currency=invoice.currency,
        plan=invoice.plan or "",
        invoice_number=invoice.number or "",
        failed_on=recovery.failed_at.astimezone(zone).date(),
        link=link_url(house, link.id),
        needs=needs(recovery.decline_class),
        decline_reason=reason_of(recovery),
        next_retry_on=upcoming.astimezone(zone).date() if upcoming else None,
        final_on=recovery.deadline.astimezone(zone).date(),
        card_brand=(card.brand or "").title() if card else "",
        card_last4=(card.last4 or "") if card else "",
    )
    locale = customer.locale or "en"
    if message.channel == "sms":
        details = house.settings.sms_details
        return render_text(house.templates / "sms", message.template, context, locale=locale, details=details)
    return render(house.templates / "email", message.template, context, locale=locale)


def new_link(connection: Connection, recovery: RecoveryRow, message_id: str | None, now: datetime) -> LinkRow:
    """Insert a link to the recovery's card-update page; of a message, or made by staff."""
    link_id = derive_id("lnk", now, recovery.id, message_id)
    link = LinkRow(
        id=link_id,
        account_id=recovery.account_id,
        livemode=recovery.livemode,
        recovery_id=recovery.id,
        created_at=now,
        expires_at=max(now, recovery.deadline) + LINK_LIVES,
        used_at=None,
        last_used_at=None,
        used_for=None,
    )
    messages.add_link(connection, {**asdict(link), "message_id": message_id})
    return link


def link_url(house: House, link_id: str) -> str:
    """Return the URL that a customer follows."""
    return f"{house.settings.base_url}/pay/{make_token(link_id, house.secret)}"


def needs(decline_class: DeclineClass) -> Literal["card", "authentication", "funds"]:
    """Return what would help: another card, the customer's confirmation, or money on the account."""
    if decline_class is DeclineClass.NEEDS_AUTHENTICATION:
        return "authentication"
    if decline_class in {DeclineClass.NEEDS_CARD, DeclineClass.HARD, DeclineClass.FRAUD}:
        return "card"
    return "funds"


def reason_of(recovery: RecoveryRow) -> str:
    """Return why the payment is open, as a clause for the customer."""
    if recovery.by_hand:
        return "it is past its due date"
    return customer_wording(recovery.decline_class, recovery.decline_code)


def outgoing(message: MessageRow, recovery: RecoveryRow, address: str, rendered: Rendered) -> Outgoing:
    """Return a message as any channel but e-mail takes it."""
    return Outgoing(
        recipient=address,
        idempotency_key=key_of(message),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        about=_about(message, recovery),
    )


def outgoing_mail(
    house: House, message: MessageRow, recovery: RecoveryRow, address: str, rendered: Rendered
) -> OutgoingMail:
    """Return the mail as the provider takes it; the same message always becomes the same bytes.

    Raises:
        ValueError: the address or a header cannot be put into a mail.
    """
    host = urlsplit(house.settings.base_url).hostname or "localhost"
    sender = house.settings.mail_from or f"{house.merchant} <billing@{host}>"
    mail = compose(rendered, message_id_local=message.id, sender=sender, recipient=address, domain=host)
    return OutgoingMail(
        message=mail,
        recipient=address,
        idempotency_key=key_of(message),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        about=_about(message, recovery),
    )


def key_of(message: MessageRow) -> str:
    """Return the idempotency key of a message, the same at every asking."""
    return f"v1:mail:{message.id}"


def _about(message: MessageRow, recovery: RecoveryRow) -> dict[str, str]:
    return {
        "message": message.id,
        "account": message.account_id,
        "recovery": recovery.id,
        "invoice": recovery.invoice_id,
        "customer": recovery.customer_id or "",
        "template": message.template,
    }
