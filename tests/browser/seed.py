"""Two months of a small merchant's failed payments, written straight into the tables."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from dunning.core.campaign import BUILT_IN
from dunning.core.declines import Decline, classify
from dunning.core.ids import derive_id
from dunning.core.policy import Policy
from dunning.flows.placing import place
from dunning.store import tables

NOW = datetime(2027, 3, 18, 9, 20, tzinfo=UTC)
WHOSE = {"account_id": "self", "livemode": False}
NAMES = (
    "Ana Ferreira|Zoë Martin|Kwame Mensah|Yuki Tanaka|Priya Raman|Lukas Brandt|Chiara Conti|Omar Haddad"
    "|Ingrid Solberg|Mateo Álvarez|Aoife Byrne|Nikolai Petrov|Fatima Zahra|Tom Okafor|Elif Demir"
    "|Wolfeschlegelsteinhausenbergerdorff & Söhne GmbH|Maja Kowalska|Jean-Baptiste Lefèvre|Sana Iqbal|Bo Li"
).split("|")
PLANS = (
    ("Studio, monthly", 4900),
    ("Team, monthly", 14900),
    ("Solo, monthly", 1900),
    ("Studio, yearly", 52900),
)
CODES = ("insufficient_funds",) * 5 + ("do_not_honor", "generic_decline") * 2
CODES += (
    "expired_card",
    "authentication_required",
    "lost_card",
    "processing_error",
    "card_velocity_exceeded",
)
CARDS = (
    ("visa", "debit", "US"),
    ("mastercard", "credit", "DE"),
    ("amex", "credit", "US"),
    ("visa", "credit", "FR"),
)
REASONS = (
    ("our_retry",) * 4
    + ("customer_card_update",) * 3
    + ("stripe_retry", "customer_payment", "account_updater")
)
MAIL = (
    "<h1 style='font:600 20px sans-serif'>Your payment failed</h1>"
    "<p>Hello, please update your card.</p><p><a href='/pay/somewhere'>Use another card</a></p>"
)


def seed(connection: Connection, *, recoveries: int = 60) -> list[str]:
    """Write the merchant's books and return the ids of the recoveries, oldest first."""
    chance = random.Random(7)
    policy = Policy()
    rules = {"version": 1, "definition": policy.dumps(), "published_at": NOW - timedelta(days=90)}
    connection.execute(insert(tables.policies).values(**rules))
    campaign = {
        "key": BUILT_IN.key,
        "version": 1,
        "definition": BUILT_IN.dumps(),
        "published_at": rules["published_at"],
    }
    connection.execute(insert(tables.campaigns).values(**campaign))
    ids = [_recovery(connection, chance, number, recoveries) for number in range(recoveries)]
    for recovery_id in ids:
        place(connection, recovery_id, NOW)
    return ids


def _recovery(connection: Connection, chance: random.Random, number: int, total: int) -> str:
    age = timedelta(days=60 * ((total - number) / total) ** 2, hours=chance.uniform(-4, 4))
    failed_at = NOW - max(age, timedelta(minutes=25))
    plan, amount = chance.choice(PLANS)
    currency = chance.choice(("usd", "usd", "usd", "eur"))
    code = chance.choice(CODES)
    brand, funding, country = chance.choice(CARDS)
    name = NAMES[number % len(NAMES)]
    ids = {kind: f"{kind}_{number:04d}Qm7Xw2" for kind in ("cus", "in", "pm", "sub")}
    _objects(connection, chance, ids, name, failed_at, (brand, funding, country))
    _invoice(connection, ids, plan, amount, currency)
    values = {
        "id": derive_id("rec", failed_at, ids["in"]),
        **WHOSE,
        "invoice_id": ids["in"],
        "customer_id": ids["cus"],
        "subscription_id": ids["sub"],
        "invoice_class": "renewal",
        "retries": "own",
        "currency": currency,
        "amount": amount,
        "failed_at": failed_at,
        "opened_at": failed_at + timedelta(seconds=2),
        "deadline": failed_at + timedelta(days=14),
        "decline_class": classify(Decline(code=code)),
        "decline_code": code,
        "card_id": ids["pm"],
        "policy_version": 1,
        "campaign_key": BUILT_IN.key,
        "campaign_version": 1,
        **_state(chance, failed_at, code),
    }
    connection.execute(insert(tables.recoveries).values(**values))
    _history(connection, chance, values, (brand, funding, country))
    return str(values["id"])


def _objects(
    connection: Connection,
    chance: random.Random,
    ids: dict[str, str],
    name: str,
    at: datetime,
    card: tuple[str, str, str],
) -> None:
    email = f"{name.split(maxsplit=1)[0].lower().replace('ë', 'e')}@mail.example"
    person = {
        "id": ids["cus"],
        "email": email,
        "name": name,
        "country": card[2],
        "deleted": False,
        "read_at": at,
    }
    connection.execute(
        insert(tables.customers).values(**WHOSE, **person, locale="en", timezone="Europe/Berlin")
    )
    plastic = {
        "id": ids["pm"],
        "customer_id": ids["cus"],
        "type": "card",
        "fingerprint": f"fp_{ids['pm']}",
        "brand": card[0],
        "funding": card[1],
    }
    plastic |= {
        "country": card[2],
        "last4": f"{chance.randrange(10000):04d}",
        "exp_month": 8,
        "exp_year": 2028,
    }
    connection.execute(insert(tables.cards).values(**WHOSE, **plastic))


def _invoice(connection: Connection, ids: dict[str, str], plan: str, amount: int, currency: str) -> None:
    invoice = {"id": ids["in"], "customer_id": ids["cus"], "subscription_id": ids["sub"], "plan": plan}
    invoice |= {
        "number": f"JUN-{ids['in'][3:7]}",
        "status": "open",
        "currency": currency,
        "amount_due": amount,
    }
    invoice |= {
        "amount_paid": 0,
        "amount_remaining": amount,
        "invoice_class": "renewal",
        "auto_advance": True,
    }
    connection.execute(insert(tables.invoices).values(**WHOSE, **invoice))


def _state(chance: random.Random, failed_at: datetime, code: str) -> dict[str, Any]:
    age = NOW - failed_at
    ended = {"closed_at": failed_at + timedelta(days=chance.uniform(0.4, 9))}
    roll = chance.random()
    if age > timedelta(days=14) or (roll < 0.35 and ended["closed_at"] < NOW):
        if roll < 0.68:
            return {
                "status": "recovered",
                "reason": chance.choice(REASONS),
                "why": "The invoice was paid.",
                **ended,
            }
        if roll < 0.9:
            late = {"closed_at": failed_at + timedelta(days=14)}
            return {"status": "lost", "closed_reason": "window", "why": "The window is over.", **late}
        return {
            "status": "stopped",
            "closed_reason": "subscription_cancelled",
            "why": "Stopped: cancelled.",
            **ended,
        }
    if code in {"expired_card", "lost_card", "authentication_required"}:
        why = "The bank said no. Another try on this card is useless: the customer needs another card."
        return {"status": "waiting", "why": why}
    if roll > 0.93:
        until = {"pause_until": NOW + timedelta(days=3)}
        return {
            "status": "paused",
            "pause_reason": "Promised to pay on Friday",
            "why": "Paused by staff: On holiday.",
            **until,
        }
    if roll > 0.86:
        return {
            "status": "watching",
            "retries": "watch",
            "why": "Stripe retries this invoice; we only watch.",
        }
    at = min(NOW + timedelta(hours=chance.uniform(2, 70)), failed_at + timedelta(days=14, hours=-2))
    return {"status": "scheduled", "next_attempt_at": at, "why": "The next attempt has a date."}


def _history(
    connection: Connection, chance: random.Random, rec: dict[str, Any], card: tuple[str, str, str]
) -> None:
    end = rec.get("closed_at") or NOW
    times = [rec["failed_at"]]
    while len(times) < 4 and times[-1] + timedelta(days=2) < end - timedelta(hours=3):
        times.append(times[-1] + timedelta(days=2, hours=chance.uniform(0, 5)))
    for ordinal, at in enumerate(times):
        _attempt(connection, rec, card, ordinal, at, "declined")
    if rec["status"] == "recovered":
        _attempt(connection, rec, card, len(times), end, "paid")
        _money(connection, chance, rec, end)
    _messages(connection, rec, end)
    sentence = {
        "id": derive_id("note", rec["failed_at"], rec["id"]),
        "recovery_id": rec["id"],
        "by": "dunning",
    }
    sentence |= {"at": rec["failed_at"] + timedelta(seconds=3), "kind": "decision", "sentence": rec["why"]}
    connection.execute(insert(tables.notes).values(**sentence))
    if rec["status"] == "scheduled":
        connection.execute(insert(tables.plans).values(**_plan(rec)))


def _attempt(
    connection: Connection,
    rec: dict[str, Any],
    card: tuple[str, str, str],
    ordinal: int,
    at: datetime,
    state: str,
) -> None:
    ours = ordinal > 0 and rec["retries"] == "own" and (state != "paid" or rec["reason"] == "our_retry")
    key = f"{rec['invoice_id'][3:]}{ordinal}"
    row = {"id": derive_id("att", at, rec["id"], ordinal), **WHOSE, "recovery_id": rec["id"]}
    row |= {name: rec[name] for name in ("invoice_id", "customer_id", "currency", "amount")}
    row |= {"made_by": "dunning" if ours else "stripe", "state": state, "at": at, "finished_at": at}
    row |= {"brand": card[0], "funding": card[1], "country": card[2], "charge_id": f"ch_{key}"}
    row |= {"card_id": rec["card_id"], "fingerprint": f"fp_{rec['card_id']}"}
    if state == "declined":
        row |= {"decline_code": rec["decline_code"], "decline_class": rec["decline_class"]}
    if ours:
        row |= {"ordinal": ordinal, "idempotency_key": f"v1:pay:self:{rec['invoice_id']}:{ordinal}"}
        row |= {"request_id": f"req_{key}", "predicted": "0.31"}
    connection.execute(insert(tables.attempts).values(**row))


def _money(connection: Connection, chance: random.Random, rec: dict[str, Any], at: datetime) -> None:
    own = {**WHOSE, "recovery_id": rec["id"], "invoice_id": rec["invoice_id"], "currency": rec["currency"]}
    paid = own | {
        "id": derive_id("led", at, rec["id"]),
        "kind": "recovered",
        "source_id": f"inpay_{rec['invoice_id'][3:]}",
    }
    paid |= {"charge_id": f"ch_{rec['invoice_id'][3:]}p", "amount": rec["amount"], "reason": rec["reason"]}
    connection.execute(insert(tables.ledger_entries).values(**paid, at=at, recorded_at=at))
    if chance.random() < 0.12:
        later = at + timedelta(hours=20)
        back = own | {
            "id": derive_id("led", later, rec["id"]),
            "kind": "refund",
            "source_id": f"re_{rec['invoice_id'][3:]}",
        }
        back |= {"amount": -rec["amount"] // 2, "at": later, "recorded_at": later}
        connection.execute(insert(tables.ledger_entries).values(**back))


def _messages(connection: Connection, rec: dict[str, Any], end: datetime) -> None:
    for step in BUILT_IN.steps:
        due = rec["opened_at"] + step.offset
        if due > end and "closed_at" in rec:
            continue
        row = {
            "id": derive_id("msg", due, rec["id"], step.key),
            **WHOSE,
            "recovery_id": rec["id"],
            "step": step.key,
        }
        row |= {
            "occurrence": "0",
            "channel": "email",
            "recipient": "customer",
            "template": step.template,
            "due_at": due,
        }
        if due <= end:
            row |= {
                "state": "sent",
                "sent_at": due,
                "subject": "Your payment did not go through",
                "body_html": MAIL,
            }
            row |= {
                "address": "somebody@mail.example",
                "body_text": "Hello, please update your card.",
                "provider": "smtp",
            }
        else:
            row |= {"state": "planned"}
        connection.execute(insert(tables.messages).values(**row))


def _plan(rec: dict[str, Any]) -> dict[str, Any]:
    at = rec["next_attempt_at"]
    later = at + timedelta(hours=9)
    what = "insufficient funds recovers best soon after a payday"
    reason = f"{at:%A %H:%M} their time: {what}; 41 of 96 such retries at this time of day paid."
    other = {
        "at": later.isoformat(),
        "probability": 0.27,
        "reason": reason.replace(f"{at:%A %H}", f"{later:%A %H}"),
    }
    veto = {"rule": "gap", "sentence": "Two tries are kept 12 hours apart.", "from": NOW.isoformat()}
    veto |= {"to": (NOW + timedelta(hours=2)).isoformat()}
    explanation = {"probability": 0.3412, "propensity": 1.0, "alternatives": [other], "vetoed": [veto]}
    made = {"recovery_id": rec["id"], "made_at": rec["failed_at"], "at": at, "reason": reason}
    return made | {"explanation": explanation}
