"""What a message may say: the facts of one recovery, in the customer's terms."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType, SimpleNamespace
from typing import Literal
from urllib.parse import quote, urlsplit

from dunning.core.money import Money
from dunning.mail.formats import Link, plain

Needs = Literal["card", "authentication", "funds"]

VARIABLES = frozenset({
    "merchant.name", "merchant.support", "merchant.support_link", "customer.name", "amount", "plan",
    "invoice.number", "failed_on", "link", "decline_reason", "next_retry_on", "final_on", "card.brand",
    "card.last4", "needs",
})  # fmt: skip

# Mail programs turn these into links by themselves, so a "name" like this would be an advertisement.
_LIKE_AN_ADDRESS = re.compile(r"://|www\.|@|\w\.\w{2,}", re.IGNORECASE)
# The customer is never told that somebody thinks of theft or fraud (Stripe's own advice on decline codes).
_ACCUSING = re.compile(
    r"\b(lost|stolen|steal\w*|theft|fraud\w*|suspic\w*|suspect\w*|pick.?up)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailContext:
    """The facts of one message.

    `amount` is in minor units of `currency`, 0 when it is not known yet; `link` is our own card-update link;
    `decline_reason` is a neutral fragment ("the bank declined the payment"); `final_on` is the day when we
    stop trying (before anything failed: of the renewal); `needs` says what would help: another card, the
    customer's confirmation, or money on the account.
    """

    merchant_name: str
    customer_name: str
    amount: int
    currency: str
    plan: str
    invoice_number: str
    failed_on: date
    link: str
    needs: Needs
    decline_reason: str = ""
    merchant_support: str | None = None
    next_retry_on: date | None = None
    final_on: date | None = None
    card_brand: str = ""
    card_last4: str = ""

    def values(self) -> Mapping[str, object]:
        """Return what a text may use, named as in VARIABLES; ValueError if `link` is no web address."""
        support = plain(self.merchant_support or "")
        return MappingProxyType(
            {
                "merchant": SimpleNamespace(
                    name=plain(self.merchant_name, most=120),
                    support=support,
                    support_link=_support_link(support),
                ),
                "customer": SimpleNamespace(name=_name(self.customer_name)),
                "invoice": SimpleNamespace(number=plain(self.invoice_number, most=60)),
                "card": SimpleNamespace(
                    brand=plain(self.card_brand, most=30), last4=plain(self.card_last4, most=4)
                ),
                "amount": Money(self.amount, self.currency) if self.amount else None,
                "plan": plain(self.plan, most=200),
                "failed_on": self.failed_on,
                "next_retry_on": self.next_retry_on,
                "final_on": self.final_on,
                "decline_reason": _neutral(self.decline_reason),
                "link": web_link(self.link),
                "needs": self.needs,
            }
        )


def web_link(url: str) -> Link:
    """Return `url` as something that a text may link to; ValueError if it is no http(s) address."""
    parts = urlsplit(url)
    if (
        parts.scheme not in {"http", "https"}
        or not parts.hostname
        or re.search(r"[\s\x00-\x1f\x7f<>\"\\]", url)
    ):
        raise ValueError("a link in a message must be an http or https address without blanks or quotes")
    return Link(url)


def _support_link(support: str) -> Link | None:
    if re.fullmatch(r"[^@\s:/]+@[^@\s:/]+\.[^@\s:/]+", support):
        return Link("mailto:" + quote(support, safe="@.+-_"))
    try:
        return web_link(support)
    except ValueError:
        return None


def _name(name: str) -> str:
    cleaned = plain(name, most=80)
    return "" if _LIKE_AN_ADDRESS.search(cleaned) else cleaned


def _neutral(reason: str) -> str:
    cleaned = plain(reason, most=200).rstrip(".!")
    return "" if _ACCUSING.search(cleaned) else cleaned
