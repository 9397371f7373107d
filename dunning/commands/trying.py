"""Commands for trying dunning without a Stripe account: the demo, and the sandbox on its own."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from dunning.commands import console, times
from dunning.errors import Unusable

BooksOption = Annotated[
    Path | None,
    typer.Option(
        "--books",
        metavar="FILE",
        help="Write the simulated Stripe's own truth into this new file: JSON lines.",
    ),
]
ScriptOption = Annotated[
    Path | None,
    typer.Option(
        "--script", metavar="FILE", help="TOML file of [[step]]s: what happens, and when (docs/sandbox.md)."
    ),
]
CustomersOption = Annotated[
    int | None,
    typer.Option(min=0, max=100_000, help="How many subscribers.", show_default="300, or 0 with --script"),
]
SeedOption = Annotated[int, typer.Option(help="The same seed plays the same story again.")]


def demo(
    *,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="TCP port of the pages.", show_default="DUNNING_PORT, else 8000"),
    ] = None,
    seed: SeedOption = 7,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days to play.")] = 90,
    customers: CustomersOption = None,
    speed: Annotated[
        str, typer.Option(metavar="SPAN", help="Simulated time per real second: 12h, or 1d=2s.")
    ] = "12h",
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open a browser.")] = False,
    headless: Annotated[
        bool, typer.Option("--headless", help="No pages: play as fast as possible, print the figures.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --headless: print one JSON object; amounts in minor units.")
    ] = False,
    db: Annotated[
        Path | None, typer.Option("--db", metavar="FILE", help="Keep the SQLite database in this new file.")
    ] = None,
    books: BooksOption = None,
    script: ScriptOption = None,
) -> None:
    """Watch failed payments being recovered in a simulated business; nothing real is touched."""
    from dunning import logs

    settings = _simulated_settings()
    if as_json and not headless:
        raise Unusable("--json prints the figures of a demo without pages: add --headless.")
    logs.configure(level=logging.ERROR)  # the demo's troubles are meant, and the pages show them
    _end_tidily()
    what: dict[str, Any] = {"seed": seed, "days": days, "customers": _subscribers(customers, script)}
    what |= {"database": db, "books": books}
    with _unwritable_explained(), _script_explained():
        what["steps"] = _steps(script)
        if headless:
            _play(as_json=as_json, **what)
            return
        from dunning.demo import live

        live.show(
            **what,
            speed=_speed(speed),
            host=settings.host,
            port=settings.port if port is None else port,
            open_browser=not no_open,
        )


def sandbox(
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="TCP port to listen on.")] = 12111,
    deliver: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Where webhooks are posted, such as http://127.0.0.1:8000/webhooks/stripe; without it they "
            "wait.",
        ),
    ] = None,
    script: ScriptOption = None,
    seed: SeedOption = 7,
    books: BooksOption = None,
) -> None:
    """Run a simulated Stripe, to rehearse against a real installation: no account, no money.

    Point STRIPE_API_BASE at it and use any sk_test_ key. Webhooks are signed with STRIPE_WEBHOOK_SECRET, or
    with whsec_sandbox where there is none. A --script says what happens and when; while it runs, POST
    /_sandbox/… does the same, and GET /_sandbox/actions lists what there is. docs/sandbox.md has it all. Time
    is real here: `dunning demo --script` plays weeks in seconds.
    """
    from dunning import logs
    from dunning.sandbox import run_standalone

    settings = _simulated_settings()
    if deliver is not None and not deliver.startswith(("http://", "https://")):
        raise Unusable(f"--deliver {deliver!r} is not a URL: it begins with http:// or https://.")
    logs.configure(level=logging.WARNING)
    _end_tidily()
    signs = {"secret": settings.webhook_secrets[0]} if settings.webhook_secrets else {}
    try:
        with _script_explained():
            run_standalone(host, port, deliver, script, seed, books, **signs)
    except FileExistsError:
        raise Unusable(f"--books {books} exists already: name a new file, or remove it.") from None
    except OSError as error:
        what = f"--books {error.filename}" if error.filename else f"Port {port} on {host}"
        raise Unusable(f"{what} cannot be used ({error.strerror}): choose another.") from None


def _end_tidily() -> None:
    """Let SIGTERM end a simulation as Ctrl-C does: its servers stopped, its temporary folder removed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def _simulated_settings() -> Any:
    """Return the settings, unless they hold a key to real money."""
    from dunning.settings import Settings

    settings = Settings.load()
    if settings.livemode:
        raise Unusable(
            "STRIPE_API_KEY is a live key, and a simulation never runs beside one: unset it here, or run in "
            "another directory."
        )
    return settings


def _subscribers(asked: int | None, script: Path | None) -> int:
    if asked == 0 and script is None:
        raise Unusable("--customers 0 leaves nobody to watch: write a larger number, or add --script.")
    return asked if asked is not None else 300 if script is None else 0


def _steps(script: Path | None) -> Any:
    from dunning.sandbox.script import load

    return load(script) if script else ()


@contextmanager
def _script_explained() -> Iterator[None]:
    from dunning.sandbox.script import ScriptError

    try:
        yield
    except ScriptError as error:
        raise Unusable(f"--script: {error}.") from None


@contextmanager
def _unwritable_explained() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unusable(f"{error.filename or 'A file'} cannot be written ({error.strerror}).") from None


def _play(*, as_json: bool, **how: Any) -> None:
    from dunning.demo import headless

    with _progress() as progress:
        told = headless.play(progress=progress, **how)
    if as_json:
        console.say_json(told)
    else:
        _say_figures(told)


@contextmanager
def _progress() -> Iterator[Callable[[float], None]]:
    """Show on stderr how far it is: a bar on a terminal, elsewhere a line at each tenth of the time."""
    if not sys.stderr.isatty():
        yield _tenths()
        return
    with typer.progressbar(length=1000, label="Playing", file=sys.stderr) as bar:
        yield lambda share: bar.update(int(share * 1000) - bar.pos)


def _tenths() -> Callable[[float], None]:
    said = 0

    def tell(share: float) -> None:
        nonlocal said
        if int(share * 10) > said:
            said = int(share * 10)
            console.note(f"Playing: {said * 10} %")

    return tell


def _say_figures(told: dict[str, Any]) -> None:
    from dunning.core.money import Money

    fates = ("failed", "recovered", "lost", "stopped", "open")
    rows = (
        (fate, told[f"{fate}_count"], ", ".join(str(Money(n, c)) for c, n in told[f"{fate}_amount"].items()))
        for fate in fates
    )
    console.say_table(("", "invoices", "amount"), rows, right=(1,))
    named = [(key, entry["count"]) for key, entry in told["by_reason"].items()]
    if named:
        console.say()
        console.say_table(("recovered by", "invoices"), named, right=(1,))
    broken = [name for name, count in told["invariants"].items() if count]
    console.say(f"\n{told['attempts']} charges asked, {told['messages_sent']} messages sent.")
    console.say(f"Broken laws: {'; '.join(broken)}." if broken else "Every law holds.")


def _speed(text: str) -> timedelta:
    """Return simulated time per real second, from `12h` or `1d=2s`."""
    virtual, _, real = text.partition("=")
    seconds = times.span("--speed", real or "1s").total_seconds()
    found = times.span("--speed", virtual) / seconds if seconds else timedelta()
    if not found:
        raise Unusable(f"--speed {text!r} stands still: write 12h, or 1d=2s.")
    return found
