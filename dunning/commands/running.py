"""Commands that run until they are told to stop: serve, web, worker, clock."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated

import typer

from dunning.commands.opening import load_settings

HostOption = Annotated[
    str | None,
    typer.Option("--host", help="Address to listen on.", show_default="DUNNING_HOST, else 127.0.0.1"),
]
PortOption = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65535, help="TCP port to listen on.", show_default="DUNNING_PORT, else 8000"
    ),
]


def serve(host: HostOption = None, port: PortOption = None) -> None:
    """Run everything in one process: webhooks, pages, worker and clock; SQLite is enough."""
    from dunning import run

    run.serve(load_settings(), host, port)


def web(host: HostOption = None, port: PortOption = None) -> None:
    """Run only the web process (webhooks, pages, API); needs PostgreSQL and Redis."""
    from dunning import run

    run.web(load_settings(), host, port)


def worker(
    processes: Annotated[int, typer.Option(min=1, max=64, help="How many worker processes.")] = 1,
    threads: Annotated[int, typer.Option(min=1, max=256, help="Threads in each process.")] = 8,
) -> None:
    """Run only workers, which charge, write and record; needs PostgreSQL and Redis."""
    from dunning import background

    background.worker(load_settings(), processes, threads)


def clock() -> None:
    """Run only the clock, which finds what is due and rings the workers; run one or more."""
    from dunning import background

    background.clock(load_settings())
