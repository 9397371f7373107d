"""What the parts of a recovery take alone, one after another in one thread: calls, mails, commits."""

import smtplib
from collections.abc import Callable
from time import perf_counter

import httpx
from sqlalchemy import text

from dunning.core.billing import Whose
from dunning.gateway.ask import Stripe
from dunning.mail.compose import compose
from dunning.mail.render import render
from dunning.mail.samples import SAMPLES
from dunning.resources import templates
from dunning.store.engine import Store

REPEATED = 100


def parts_s(store: Store, sandbox: str, smtp: int, *, calls: int, mails: int, commits: int) -> float:
    """Return the seconds that so many parts take; the database gets a table of its own for it."""
    each = {"call": _call(sandbox), "mail": _mail(smtp), "commit": _commit(store)}
    return calls * _each_s(each["call"]) + mails * _each_s(each["mail"]) + commits * _each_s(each["commit"])


def _each_s(part: Callable[[], object]) -> float:
    part()
    began = perf_counter()
    for _ in range(REPEATED):
        part()
    return (perf_counter() - began) / REPEATED


def _call(sandbox: str) -> Callable[[], object]:
    """A read of an invoice through the SDK."""
    made = httpx.post(f"{sandbox}/_sandbox/customer", json={}, timeout=60).json()
    client = Stripe("sk_test_benchmark", sandbox)
    return lambda: client.invoice(Whose(), made["invoice"])


def _mail(smtp: int) -> Callable[[], object]:
    """A mail rendered, composed and handed over on a connection of its own."""

    def send() -> None:
        said = render(templates() / "email", "payment_failed", SAMPLES["usual"], locale="en")
        message = compose(
            said,
            message_id_local="msg_benchmark",
            sender="billing@example.com",
            recipient="robin@example.com",
            domain="example.com",
        )
        with smtplib.SMTP("127.0.0.1", smtp) as connection:
            connection.sendmail("billing@example.com", ["robin@example.com"], message.as_bytes())

    return send


def _commit(store: Store) -> Callable[[], object]:
    """One small row changed in a transaction of its own."""
    with store.write() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS benchmark_commits (id int PRIMARY KEY, n int)"))
        connection.execute(text("INSERT INTO benchmark_commits VALUES (1, 0) ON CONFLICT DO NOTHING"))

    def change() -> None:
        with store.write() as connection:
            connection.execute(text("UPDATE benchmark_commits SET n = n + 1 WHERE id = 1"))

    return change
