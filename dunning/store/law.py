"""What a law of the books is: a query that counts the rows which break it, and why it must count none."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

SOON: Final = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Law:
    """One law.

    `query` counts what breaks it, on PostgreSQL and on SQLite; `:late` in it is `late_after` before now.
    `holds` names what it guards (see `PROMISES`). A law that `may_wait` is silent under a kill switch or a
    breaker, which keep due rows waiting, as they should.
    """

    name: str
    says: str
    holds: tuple[str, ...]
    query: str
    late_after: timedelta | None = None
    may_wait: bool = False


# What the system promises. Of some of it a database cannot tell: a second sentence says who looks after that.
PROMISES: Final = {
    "I1": "No double charge: an invoice is paid once, and never asked for after it is settled.",
    "I2": "One idempotency key is executed once at the network.",
    "I3": "Intent before effect: every charge and message has a row before its first byte leaves.",
    "I4": "One unfinished attempt per invoice.",
    "I5": "What is not known is found out, never guessed, and no new charge is asked meanwhile.",
    "I6": "Attribution is true: an attempt is paid if, and only if, Stripe was paid under its key.",
    "I7": "The budgets of policy and card networks are kept.",
    "I8": "One collector: while Stripe owns the retries, nothing is charged by us.",
    "I9": "No event is lost: what was acknowledged is kept, what did not come is fetched.",
    "I10": "An event has its effect once, however often it comes.",
    "I11": "The order of events does not matter. The simulation delivers them up to a day late.",
    "I12": "An older reading never replaces a newer one.",
    "I13": "When faults stop, everything becomes finished.",
    "I14": "A message is accepted once at most; one whose fate is unknown is shown, not sent again.",
    "I15": "No message to somebody whom it must not reach, or about what is settled.",
    "I16": "The ledger is Stripe's balance to the minor unit, per currency and day.",
    "I17": "Ledger, audit log and closed months only grow.",
    "I18": "Integer minor units beside a currency, never a sum over two.",
    "I19": "Redis may be emptied at any moment. The chaos run empties and kills it.",
    "I20": "Any process may die at any instruction. The simulation and the chaos run kill them.",
    "I21": "After a restore all is compared before a charge or a mail: `tests/flows/test_restoring.py`.",
    "I22": "Old and new code run side by side over a migration: `tests/test_migrations.py` holds each to it.",
    "I23": "Every queue, try, body and page has a limit. `tests/web` and `tests/gateway` test at the limits.",
    "I24": "A link does nothing by GET, expires, and tells nothing.",
    "I25": "Foreign text is inert. `tests/web`, `tests/mail` and `tests/core` feed it in.",
    "I26": "Nobody does more than their rights. `tests/web` asks every route; the doctor reads the log.",
    "I27": "Outgoing calls reach only allowed places. `tests/channels` tries the others.",
    "I28": "Personal data leaves in time without touching the ledger. `tests/flows` erases a planted person.",
}
