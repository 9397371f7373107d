"""Commands about the Stripe account: rights of the key, webhooks, missed events."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from dunning.commands import console, times
from dunning.commands.opening import opened_house
from dunning.errors import Unusable

if TYPE_CHECKING:
    from dunning.flows.reconcile import Found

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
WEBHOOK_PATH = "/webhooks/stripe"


def permissions(*, as_json: JsonOption = False) -> None:
    """List the rights that a restricted key needs, as the Stripe Dashboard names them."""
    from dunning.flows.rights import KEYS_PAGE, RIGHTS

    if as_json:
        console.say_json([{"resource": r.resource, "access": r.access, "why": r.why} for r in RIGHTS])
        return
    console.say_table(("resource", "access", "why"), ((r.resource, r.access, r.why) for r in RIGHTS))
    console.say(f"\nMake the key at {KEYS_PAGE} and give it to `dunning init`.")


def listen() -> None:
    """Print the Stripe CLI's line that sends your test events to this machine."""
    from dunning.core.effects import SUBSCRIBED
    from dunning.settings import Settings

    settings = Settings.load()
    live = " --live" if settings.livemode else ""
    target = f"localhost:{settings.port}{WEBHOOK_PATH}"
    console.say(f"stripe listen{live} --forward-to {target} --events {','.join(SUBSCRIBED)}")
    console.note("Its signing secret differs from the endpoint's: `stripe listen --print-secret` shows it.")


def create_webhook(
    *,
    url: Annotated[
        str | None,
        typer.Option(help="Public https URL of your dunning.", show_default="DUNNING_PUBLIC_URL"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Create the webhook endpoint at Stripe with our events, and print its signing secret once."""
    from dunning import logs
    from dunning.core.effects import SUBSCRIBED
    from dunning.gateway.ask import Stripe
    from dunning.settings import Settings

    logs.configure()
    settings = Settings.load()
    if settings.stripe_api_key is None:
        raise Unusable("STRIPE_API_KEY is missing: set it to a key that may write webhook endpoints.")
    stripe = Stripe(settings.stripe_api_key.get_secret_value(), settings.stripe_api_base)
    made = stripe.create_webhook_endpoint(_endpoint(url or settings.public_url), SUBSCRIBED)
    if as_json:
        console.say_json({"id": made["id"], "url": made["url"], "secret": made["secret"]})
        return
    console.say(f"Created {made['id']} for {made['url']}.")
    console.say(f"STRIPE_WEBHOOK_SECRET={made['secret']}")
    console.note("Stripe shows this secret only once: put it into the environment or dunning.toml now.")


def reconcile(
    *,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="Only what happened from then on: 2026-10-01, or 3d. Beyond 30 days objects are compared.",
            show_default="since the last run",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what was missed.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch what no webhook brought (the clock does it, too); exit code 1 when something was missed."""
    from dunning.flows.reconcile import reconcile_all

    with opened_house(stripe=True) as house:
        start = times.past_instant("--since", since, house.clock.now()) if since else None
        found = reconcile_all(house, dry_run=dry_run, since=start)
    if as_json:
        console.say_json({**asdict(found), "dry_run": dry_run})
    else:
        _say_found(found, dry_run=dry_run)
    if found:
        raise typer.Exit(1)


def _say_found(found: "Found", *, dry_run: bool) -> None:
    for event_id in found.events:
        console.say(event_id)
    for invoice_id in found.openings:
        console.say(f"{invoice_id} failed, and has no recovery{' yet' if dry_run else ' until now'}")
    for invoice_id in found.endings:
        console.say(f"{invoice_id} ended, and its recovery {'is' if dry_run else 'was'} open")
    verb = "would be kept" if dry_run else "kept; the workers handle them next"
    missed = len(found.events)
    console.note(f"{missed} missed events {verb}." if missed else "No event was missed.")
    swept = len(found.openings) + len(found.endings)
    if swept:
        console.note(
            f"{swept} invoices {'would be' if dry_run else 'were'} brought up to date beyond events."
        )


def _endpoint(url: str | None) -> str:
    if url is None:
        raise Unusable(
            "--url is missing: give the public https URL of your dunning, or set DUNNING_PUBLIC_URL."
        )
    if not url.startswith("https://"):
        raise Unusable(f"--url {url!r} does not start with https://, and Stripe delivers to nothing else.")
    return url if url.rstrip("/").endswith(WEBHOOK_PATH) else f"{url.rstrip('/')}{WEBHOOK_PATH}"
