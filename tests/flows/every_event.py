"""Events of every type and shape, as samples and as mutants of them, and what becomes of each."""

import copy
import itertools
import json
import os
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from scenarios.stage import Stage
from sqlalchemy import select

from dunning.core.vocabulary import EventState
from dunning.flows.keeping import event_row
from dunning.flows.work import work_event
from dunning.gateway.listen import Malformed, read_head
from dunning.store.events import insert_events
from dunning.store.tables import events

OWN_SAMPLES: Final = Path(__file__).parent.parent / "fixtures" / "events"
NUMBERS: Final = itertools.count(1)
Body = dict[str, Any]
Place = tuple[str | int, ...]


def samples() -> list[tuple[str, Body]]:
    """Return sample events with their names: Stripe's own where a folder of them is named, else ours."""
    named = os.environ.get("STRIPE_SAMPLES")
    folder = Path(named) / "events" if named else OWN_SAMPLES
    found = (path for path in sorted(folder.rglob("*.json")) if path.name != "index.json")
    return [(f"{path.parent.name}/{path.stem}", json.loads(path.read_bytes())) for path in found]


def about(body: Body, ids: dict[str, Any]) -> Body:
    """Return the event with its objects' ids replaced by those of a customer who is on the stage."""
    text = json.dumps(body)
    known = {
        "in": ids["invoice"],
        "cus": ids["customer"],
        "pm": ids["payment_method"],
        "sub": ids["subscription"],
        "pi": ids["payment_intent"],
    }
    for prefix, real in known.items():
        text = re.sub(rf'"{prefix}_[A-Za-z0-9_]+"', f'"{real}"', text)
    read: Body = json.loads(text)
    return read


def deliver(stage: Stage, body: Body) -> tuple[EventState | None, str | None]:
    """Let an event come under a fresh id, and handle it; return its state and note, None where refused.

    The account that it names is connected, so that Stripe has an answer.
    """
    account = body.get("account") or body.get("context")
    if isinstance(account, str) and account.startswith("acct_"):
        stage.sandbox.accounts.connect(account)
    fresh = body | {"id": f"evt_every{next(NUMBERS)}"} if "id" in body else body
    raw = json.dumps(fresh).encode()
    try:
        row = event_row(read_head(raw), raw, stage.clock.now(), livemode=False)
    except Malformed as error:
        return None, str(error)
    with stage.house.store.write() as connection:
        insert_events(connection, [row])
    newest = select(events.c.seq, events.c.id).order_by(events.c.seq.desc()).limit(1)
    with stage.house.store.read() as connection:
        seq, kept = connection.execute(newest).one()
    assert kept == row["id"]
    work_event(stage.house, seq)
    with stage.house.store.read() as connection:
        found = connection.execute(select(events.c.state, events.c.note).where(events.c.seq == seq)).one()
    return found.state, found.note


def places(value: Any, at: Place = ()) -> Iterator[Place]:
    """Yield where every field of a body lies, containers before what they hold."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield (*at, key)
        yield from places(inner, (*at, key))


def mutants(body: Body, *, most: int | None = None, seed: int = 0) -> Iterator[tuple[str, Body]]:
    """Yield bodies with one field dropped, null, or of an unknown value; `most` of them by chance."""
    found = [(place, how) for place in places(body) for how in ("dropped", "null", "brand new")]
    if most is not None and len(found) > most:
        found = random.Random(seed).sample(found, most)
    for place, how in found:
        yield f"{'.'.join(map(str, place))} {how}", mutant(body, place, how)


def mutant(body: Body, place: Place, how: str) -> Body:
    """Return a body with one field changed."""
    changed = copy.deepcopy(body)
    holder: Any = changed
    for key in place[:-1]:
        holder = holder[key]
    if how == "dropped":
        del holder[place[-1]]
    elif how == "null":
        holder[place[-1]] = None
    elif isinstance(holder[place[-1]], str):
        holder[place[-1]] = "brand_new_value"
    return changed
