"""Receivers to compare with: run one on a port until the standard input closes.

    python -m benchmarks.receivers bare --port 8001
    python -m benchmarks.receivers orm  --port 8002 --url postgresql+psycopg://…
    python -m benchmarks.receivers ours --port 8003 --url sqlite:////tmp/ingest.db

`bare` checks the signature and answers 200. `orm` is what a tutorial builds, and what dj-stripe comes down
to: the SDK's `construct_event`, an ORM session and a commit for each request, in a pool of threads. `ours` is
the receiver of `dunning serve` alone, for SQLite, where it would otherwise share its process with the worker.
"""

import argparse
import json
import sys
import threading
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import stripe
import uvicorn
from sqlalchemy import DateTime, LargeBinary, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.load import SECRET
from dunning.core.clock import WallClock
from dunning.gateway.signature import verify
from dunning.store.engine import open_store
from dunning.web.receiver import Receiver

PATH = "/webhooks/stripe"


class Base(DeclarativeBase):
    """The tables of the tutorial."""


class KeptEvent(Base):
    """An event as the tutorial keeps it."""

    __tablename__ = "benchmark_orm_events"
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    payload: Mapped[bytes] = mapped_column(LargeBinary)


async def bare(request: Request) -> Response:
    payload = await request.body()
    verify(payload, request.headers["stripe-signature"], [SECRET], now=datetime.now(UTC))
    return Response(b"ok")


def orm(url: str) -> Starlette:
    engine = create_engine(url, pool_size=8, max_overflow=0)
    Base.metadata.create_all(engine)
    make_session = sessionmaker(engine)

    def keep(payload: bytes, header: str) -> None:
        event = stripe.Webhook.construct_event(payload, header, SECRET)
        session: Session
        with make_session() as session:
            if session.get(KeptEvent, event.id) is None:
                at = datetime.fromtimestamp(event.created, UTC)
                session.add(KeptEvent(id=event.id, type=event.type, created_at=at, payload=payload))
            session.commit()

    async def receive(request: Request) -> Response:
        await run_in_threadpool(keep, await request.body(), request.headers["stripe-signature"])
        return Response(json.dumps({"received": True}), media_type="application/json")

    return Starlette(routes=[Route(PATH, receive, methods=["POST"])])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=["bare", "orm", "ours"])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--url")
    options = parser.parse_args()
    with ExitStack() as stack:
        application: Any
        if options.kind == "ours":
            application = Receiver(open_store(options.url), WallClock(), (SECRET,), livemode=False)
            application.start()
            stack.callback(application.stop)
        else:
            bare_site = Starlette(routes=[Route(PATH, bare, methods=["POST"])])
            application = bare_site if options.kind == "bare" else orm(options.url)
        config = uvicorn.Config(application, port=options.port, lifespan="off", ws="none", log_level="error")
        server = uvicorn.Server(config)
        threading.Thread(
            target=lambda: (sys.stdin.read(), setattr(server, "should_exit", True)), daemon=True
        ).start()
        server.run()


if __name__ == "__main__":
    main()
