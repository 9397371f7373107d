"""Sample facts on which staff preview a text, and on which every built-in text is tested."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType

from dunning.mail.context import MailContext

_PLAIN = MailContext(
    merchant_name="Juniper Coffee",
    merchant_support="help@juniper.example",
    customer_name="Ana Ferreira",
    amount=4900,
    currency="usd",
    plan="Studio, monthly",
    invoice_number="JUN-2041-0007",
    failed_on=date(2026, 11, 3),
    link="https://pay.juniper.example/pay/3f9c2a71b8d64e05a7c1d2e3f4a5b6c7",
    decline_reason="your bank declined the payment",
    next_retry_on=date(2026, 11, 6),
    final_on=date(2026, 11, 17),
    card_brand="visa",
    card_last4="4242",
    needs="funds",
)

SAMPLES: Mapping[str, MailContext] = MappingProxyType(
    {
        "usual": _PLAIN,
        "card": replace(
            _PLAIN,
            needs="card",
            decline_reason="the card on file has expired",
            next_retry_on=None,
            card_brand="mastercard",
        ),
        "authentication": replace(_PLAIN, needs="authentication", decline_reason="", next_retry_on=None),
        "nothing known": replace(
            _PLAIN,
            customer_name="",
            plan="",
            invoice_number="",
            card_brand="",
            card_last4="",
            decline_reason="",
            merchant_support=None,
            next_retry_on=None,
            final_on=None,
        ),
        "long name": replace(
            _PLAIN,
            merchant_name="The Company of Independent Publishers and Bookbinders of Greater Manchester",
            merchant_support="https://www.bookbinders.example/members/help-with-your-subscription-and-payments",
            customer_name="Wolfeschlegelsteinhausenbergerdorff Theodora von und zu Hohenlohe",
            plan="Professional membership, quarterly print edition, archive and reading room",
            amount=1_234_567_890,
        ),
        "yen": replace(_PLAIN, amount=4900, currency="jpy", customer_name="山田 太郎"),
        "right to left": replace(_PLAIN, customer_name="ليلى حداد", merchant_name="قهوة العرعر"),
        "emoji": replace(_PLAIN, customer_name="Zoë 🌻👩‍👩‍👧 Müller-Lüdenscheidt", plan="Plan 🚀 für Große"),
        "500 characters": replace(_PLAIN, customer_name="Maximiliane " * 41 + "Krüger-W"),
        "one long word": replace(_PLAIN, customer_name="W" * 500, plan="Y" * 500, invoice_number="I" * 500),
        "nothing due yet": replace(
            _PLAIN, amount=0, needs="card", decline_reason="", invoice_number="", next_retry_on=None
        ),
        "dinar": replace(_PLAIN, amount=12_345, currency="kwd", customer_name="O'Brien"),
        "kronur": replace(_PLAIN, amount=1_990_00, currency="isk", customer_name="Björk Guðmundsdóttir"),
        "yearly": replace(_PLAIN, amount=118_800, currency="eur", plan="Studio, yearly"),
        "by hand": replace(
            _PLAIN,
            card_brand="",
            card_last4="",
            decline_reason="it is past its due date",
            next_retry_on=None,
        ),
        "markup": replace(_PLAIN, customer_name="<b>Bob</b> & **Co**", plan="[x](http://evil.example)"),
        "placeholders": replace(_PLAIN, customer_name="{{ link }}", plan="{% if plan %}"),
        "web address": replace(_PLAIN, customer_name="Win at evil.example", merchant_support="help desk"),
        "line breaks": replace(_PLAIN, customer_name="Eve\r\nBcc: all@evil.example", plan="a\n\n# b"),
        "last day": replace(_PLAIN, final_on=date(2027, 1, 1), next_retry_on=None, needs="card"),
    }
)
