"""The page behind a notice: another card, before the next renewal is charged to one that will not do.

Stripe's portal sets the customer's default card only. Where the subscription names the card itself, it would
go on shadowing the new one, so that field is replaced once the new card is there.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from dunning.core.notices import NoticeKind
from dunning.core.pay_page import PageState
from dunning.core.vocabulary import MessageState
from dunning.flows.driver import Flow
from dunning.flows.house import House
from dunning.gateway.renewals import renewal
from dunning.store import link_turns, notices, objects, wallets
from dunning.store.notices import NoticeRow
from dunning.timing.localtime import zone_of_customer

PREFIX: Final = "ntc_"
FOLLOW_AFTER: Final = timedelta(minutes=10)  # the customer is filling in the form
FOLLOW_FOR: Final = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Ahead:
    """A coming renewal as its customer may see it."""

    expires: bool  # the card does; else it was refused last time
    renews_on: date


def look(connection: Connection, notice_id: str, now: datetime) -> tuple[PageState, Ahead | None, str | None]:
    """Return what the page of a notice says, the renewal, and the customer's locale."""
    notice = notices.by_id(connection, notice_id)
    if notice is None or notice.renews_at is None:
        return PageState.UNKNOWN, None, None
    customer = objects.customer(connection, notice.whose, notice.customer_id)
    zone = zone_of_customer(customer)
    ahead = Ahead(notice.kind is NoticeKind.CARD_EXPIRING, notice.renews_at.astimezone(zone).date())
    locale = customer.locale if customer else None
    if now >= notice.renews_at:
        return PageState.EXPIRED, None, locale
    saved = _card_came(connection, notice)
    return (PageState.CARD_SAVED if saved else PageState.AHEAD), ahead, locale


def mint(house: House, notice_id: str, token: str) -> str | None:
    """Return the URL of Stripe's card form, and look after the new card in a while.

    Raises:
        StripeError: Stripe did not mint the session; nothing was changed.
    """
    with house.store.read() as connection:
        notice = notices.by_id(connection, notice_id)
    if notice is None:
        return None
    done = f"{house.settings.base_url}/pay/{token}/done"
    url = house.stripe.portal(notice.whose, notice.customer_id, return_url=done)
    with house.store.write() as connection:
        notices.look_again(connection, notice_id, house.clock.now() + FOLLOW_AFTER)
    return url


def follow(house: House, notice_id: str) -> Flow[NoticeRow, str | None]:
    """Return the flow that lets the subscription name the customer's new card, once there is one."""
    return Flow(
        claim=lambda: _take(house, notice_id),
        ask=lambda notice: _replace(house, notice),
        record=lambda notice, card_id: _rest(house, notice, card_id),
    )


def _card_came(connection: Connection, notice: NoticeRow) -> bool:
    """Return whether the customer has another card since the notice was planned."""
    cards = wallets.cards_of(connection, notice.whose, notice.customer_id)
    here = (card for card in cards if card.detached_at is None and card.id != notice.card_id)
    return any(card.added_at is not None and card.added_at >= notice.due_at for card in here)


def _take(house: House, notice_id: str) -> NoticeRow | None:
    with house.store.read() as connection:
        notice = notices.by_id(connection, notice_id)
        turns = link_turns.of(connection, notice_id)
    if notice is None or notice.state is not MessageState.SENT or notice.subscription_id is None:
        return None
    return notice if turns is not None else None


def _replace(house: House, notice: NoticeRow) -> str | None:
    """Return the customer's new default card, which the subscription names from now on, or None."""
    customer = house.stripe.customer(notice.whose, notice.customer_id)
    fresh = customer.default_card.id if customer.default_card else None
    if fresh in {None, notice.card_id} or notice.subscription_id is None:
        return None
    coming = renewal(house.stripe, notice.whose, notice.subscription_id)
    if (
        coming is not None
        and coming.card is not None
        and coming.card.id == notice.card_id
        and fresh is not None
    ):
        key = f"v1:notice:{notice.id}:{fresh}"
        house.stripe.subscriptions.set_card(notice.whose, notice.subscription_id, fresh, key=key)
    return fresh


def _rest(house: House, notice: NoticeRow, card_id: str | None) -> None:
    """Stop looking once the card is there, or when the customer has left without one."""
    with house.store.write() as connection:
        now, turns = house.clock.now(), link_turns.of(connection, notice.id)
        over = card_id is not None or turns is None or now >= turns.used_at + FOLLOW_FOR
        again = None if over else now + FOLLOW_AFTER
        notices.change(connection, notice.id, notice.fence, ring_at=again)
