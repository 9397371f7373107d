"""Commands that look: doctor, version."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dunning import __version__
from dunning.commands import console
from dunning.commands.opening import load_settings, opened_store

if TYPE_CHECKING:
    from dunning.flows.doctor import Finding
    from dunning.settings import Settings

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
SIGNS = {"ask": ("?", "cyan"), "ok": ("✓", "green"), "warn": ("!", "yellow"), "bad": ("✗", "red")}


def doctor(*, as_json: JsonOption = False) -> None:
    """Check key, rights, webhook, portal, database, broker, mail, charging; exit code 1 if one is broken."""
    healthy = report(examine(load_settings()), as_json=as_json)
    if not healthy:
        raise typer.Exit(1)


def version(*, as_json: JsonOption = False) -> None:
    """Print the version of dunning."""
    if as_json:
        console.say_json({"version": __version__})
    else:
        console.say(f"dunning {__version__}")


def examine(settings: "Settings") -> Iterable["Finding"]:
    """Yield every finding about an installation with these settings."""
    from zoneinfo import ZoneInfo

    from dunning.core.clock import WallClock
    from dunning.flows import (
        doctor,
        doctor_charges,
        doctor_finance,
        doctor_gaps,
        doctor_listeners,
        doctor_stripe,
    )
    from dunning.gateway.ask import Stripe

    clock = WallClock()
    with opened_store(settings) as store:
        if settings.stripe_api_key is None:
            yield doctor_stripe.no_key()
        else:
            stripe = Stripe(settings.stripe_api_key.get_secret_value(), settings.stripe_api_base)
            yield from doctor_stripe.examine_stripe(settings, stripe, store, clock)
        yield from doctor.examine_house(settings, store, clock)
        yield from doctor_charges.examine_charges(store, clock)
        yield from doctor_gaps.examine_gaps(store, clock, livemode=settings.livemode)
        yield from doctor_listeners.examine_listeners(settings, store)
        zone = ZoneInfo(settings.report_timezone)
        yield from doctor_finance.examine_finance(store, clock, zone, livemode=settings.livemode)


def report(findings: Iterable["Finding"], *, as_json: bool) -> bool:
    """Print findings as they come and return whether none is bad."""
    if as_json:
        found = list(findings)
        console.say_json([{**asdict(f), "mark": f.mark.value} for f in found])
        return not any(f.mark == "bad" for f in found)
    healthy = True
    for finding in findings:
        sign, colour = SIGNS[finding.mark]
        console.say(f"{console.coloured(sign, colour)} {finding.name}: {finding.sentence}")
        if finding.cure:
            console.say(f"    {finding.cure}")
        healthy = healthy and finding.mark != "bad"
    return healthy
