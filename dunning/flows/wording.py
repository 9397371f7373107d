"""The words of a message: the facts of a recovery put into its template, with its card-update link."""

import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection

from dunning import logs
from dunning.channels.sms import render_text
from dunning.core.billing import Customer, Invoice
from dunning.core.declines import DeclineClass, customer_wording
from dunning.core.ids import derive_id
from dunning.core.links import make_token, read_token
from dunning.flows.house import House
from dunning.mail.compose import address_of, compose
from dunning.mail.context import MailContext
from dunning.mail.look import Look, LookError
from dunning.mail.provider import Outgoing, OutgoingMail
from dunning.mail.render import render
from dunning.mail.rendered import Rendered
from dunning.mail.texts import first_spoken, locale_of, names
from dunning.store import mail_texts, messages, objects
from dunning.store.rows import LinkRow, MessageRow, RecoveryRow
from dunning.timing.localtime import zone_of_customer

log = logs.get(__name__)

_PART: Final = re.compile(r"[A-Za-z0-9_-]+(\.[a-z]+)?")
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
    zone = zone_of_customer(customer)
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
    if message.channel == "sms":
        folder = house.templates / "sms"
        wish = first_spoken(_wishes(customer), lambda tag: _is_file(folder, message.template, f"{tag}.txt"))
        spoken = locale_of(wish, customer.country, look_of(connection).language)
        details = house.settings.sms_details
        return render_text(folder, message.template, context, locale=spoken, details=details)
    return say(connection, house, message.template, context, customer)


def say(
    connection: Connection, house: House, template: str, context: MailContext, customer: Customer
) -> Rendered:
    """Render a template as this merchant writes: with the own text and look, in the customer's language.

    Of several languages that a customer wants, it is the first in which there is a text.

    A text of the merchant's own was checked when it was saved; one that fails all the same (it may be older
    than this version's rules) gives way to the built-in text of that name.

    Raises:
        LookupError: there is no such template.
        ValueError: the link is no web address, or the message is too long.
    """
    look = look_of(connection)
    own = mail_texts.newest(connection, template)
    folder = house.templates / "email"
    wish = first_spoken(
        _wishes(customer), lambda tag: own.get(tag) is not None or _is_file(folder, template, f"{tag}.md")
    )
    spoken = locale_of(wish, customer.country, look.language)
    try:
        return render(folder, template, context, locale=spoken, look=look, own=lambda _, tag: own.get(tag))
    except ValueError as error:
        if not own or template not in names(folder):
            raise
        log.warning("own_text_failed", template=template, why=str(error)[:300])
    return render(folder, template, context, locale=spoken, look=look)


def _wishes(customer: Customer) -> tuple[str, ...]:
    return customer.locales or ((customer.locale,) if customer.locale else ())


def _is_file(folder: Path, template: str, name: str) -> bool:
    return all(map(_PART.fullmatch, (template, name))) and (folder / template / name).is_file()


def look_of(connection: Connection) -> Look:
    """Return the merchant's look in force; the built-in one where the kept one cannot be used any more."""
    version, document = mail_texts.look(connection)
    try:
        return Look.loads(document)
    except LookError as error:
        log.warning("look_failed", version=version, why=str(error))
        return Look()


def digest(rendered: Rendered, address: str | None) -> str:
    """Return what stands for the words of a message and whom they go to."""
    return hashlib.sha256("\x1f".join([address or "", rendered.subject, rendered.text]).encode()).hexdigest()


def approval(connection: Connection, message: MessageRow, now: datetime, *, by: str) -> dict[str, Any]:
    """Return what a person's approval of the words in a message's row changes in it."""
    address, subject, text, html = messages.words(connection, message.id)
    words = digest(Rendered(subject or "", "", text or "", html or ""), address)
    return {"approved_at": now, "approved_by": by, "approved_words": words, "ring_at": now}


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
    house: House, look: Look, message: MessageRow, recovery: RecoveryRow, address: str, rendered: Rendered
) -> OutgoingMail:
    """Return the mail as the provider takes it.

    Raises:
        ValueError: the address or a header cannot be put into a mail.
    """
    about = _about(message, recovery)
    return as_mail(house, look, rendered, to=address, name=message.id, key=key_of(message), about=about)


def as_mail(
    house: House,
    look: Look,
    rendered: Rendered,
    *,
    to: str,
    name: str,
    key: str,
    about: Mapping[str, str],
    friendly: bool = False,
) -> OutgoingMail:
    """Put words under headers; the same words under the same `name` always become the same bytes.

    A `friendly` notice can be switched off by one click (RFC 8058). A message about what is owed cannot: it
    is about the customer's own contract, and leaving it out would cost them the service.

    Raises:
        ValueError: the address or a header cannot be put into a mail.
    """
    host = urlsplit(house.settings.base_url).hostname or "localhost"
    mail = compose(
        rendered,
        message_id_local=name,
        sender=_sender(house, look, host),
        recipient=to,
        reply_to=look.reply_to or None,
        domain=host,
        unsubscribe=unsubscribe_url(house, to) if friendly else None,
    )
    return OutgoingMail(
        message=mail,
        recipient=to,
        idempotency_key=key,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        about={"message": name, **about},
    )


def unsubscribe_url(house: House, address: str) -> str:
    """Return the address at which one POST switches friendly notices off; it holds the address alone."""
    written = urlsafe_b64encode(address.lower().encode()).decode().rstrip("=")
    return f"{house.settings.base_url}/pay/notices/{make_token(f'off-{written}', house.secret)}"


def address_in(token: str, secret: bytes) -> str | None:
    """Return the address that a token of `unsubscribe_url` was made for; None for any other token."""
    said = read_token(token, secret)
    if said is None or not said.startswith("off-"):
        return None
    written = said.removeprefix("off-")
    return urlsafe_b64decode(written + "=" * (-len(written) % 4)).decode()


def _sender(house: House, look: Look, host: str) -> str:
    sender = house.settings.mail_from or f"{house.merchant} <billing@{host}>"
    return f"{look.from_name} <{address_of(sender)}>" if look.from_name else sender


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
