"""The doctor's look at the Stripe account: the key, its rights, the webhook endpoint, the time.

Rights are probed by questions that change nothing: reads, and writes on ids that no account has, which
Stripe answers with 404 when the right is there and with 403, naming the right, when it is missing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from dunning.core.billing import Whose
from dunning.core.clock import Clock
from dunning.core.effects import SUBSCRIBED
from dunning.errors import Refused, Transient
from dunning.flows.doctor import LOCAL, Finding, Mark
from dunning.flows.guard import CLOCKS_AGREE
from dunning.flows.rights import KEYS_PAGE
from dunning.gateway.ask import API_VERSION, Stripe
from dunning.gateway.listen_shapes import dig
from dunning.settings import Settings
from dunning.store import inbox
from dunning.store.engine import Store

WEBHOOK_PATH: Final = "/webhooks/stripe"
NOBODY: Final = "dunning_doctor"  # the tail of ids that no account has
PORTAL_PAGE: Final = "https://dashboard.stripe.com/settings/billing/portal"
A_SECOND: Final = timedelta(seconds=1)  # Stripe's Date header is no finer
QUIET: Final = timedelta(days=3)
_NAMED: Final = re.compile(r"rak_[a-z_]+")


def examine_stripe(settings: Settings, stripe: Stripe, store: Store, clock: Clock) -> Iterator[Finding]:
    """Yield what there is to say about the account that the key opens."""
    yield _key(settings)
    try:
        yield _account(stripe)
    except Refused as error:
        if error.status == 401:
            yield Finding(Mark.BAD, "account", "Stripe does not know this key.", f"Make one at {KEYS_PAGE}")
            return
        yield Finding(Mark.WARN, "account", "The key may not read the account's name; nothing needs it.")
    except Transient as error:
        sentence = f"Stripe cannot be reached ({_first_line(error)})."
        yield Finding(Mark.BAD, "account", sentence, "Check the network, and STRIPE_API_BASE if it is set.")
        return
    yield from _rights(settings, stripe)
    yield from _asked("webhook endpoint", lambda: _endpoint(settings, stripe))
    yield from _asked("portal", lambda: _portal(stripe))
    yield from _asked("clock", lambda: _time(stripe, clock))
    yield from _last_event(settings, store, clock)


def no_key() -> Finding:
    """Return the finding of an installation without a key."""
    return Finding(
        Mark.BAD,
        "key",
        "STRIPE_API_KEY is missing.",
        f"Make a restricted key at {KEYS_PAGE} with the rights of `dunning stripe permissions`.",
    )


def _key(settings: Settings) -> Finding:
    key = settings.stripe_api_key.get_secret_value() if settings.stripe_api_key else ""
    mode = "live" if settings.livemode else "test"
    if key.startswith("rk_"):
        return Finding(Mark.OK, "key", f"A restricted key, {mode} mode.")
    cure = f"Make a restricted key at {KEYS_PAGE} with the rights of `dunning stripe permissions`."
    return Finding(Mark.WARN, "key", f"A full secret key, {mode} mode: it may do more than it should.", cure)


def _account(stripe: Stripe) -> Finding:
    account = stripe.account()
    if account.get("charges_enabled") is False:
        cure = "Finish the account's activation in the Stripe Dashboard."
        return Finding(Mark.WARN, "account", f"{account['id']} cannot charge yet.", cure)
    return Finding(Mark.OK, "account", f"{account['id']} answers.")


def _rights(settings: Settings, stripe: Stripe) -> Iterator[Finding]:
    missing: list[str] = []
    for right, probe in _probes(settings, stripe):
        try:
            probe()
        except Refused as error:
            if error.status in {401, 403}:
                named = _NAMED.search(str(error))
                missing.append(f"{right} ({named.group()})" if named else right)
        except Transient as error:
            yield Finding(Mark.WARN, "rights", f"{right} could not be probed ({_first_line(error)}).")
    if missing:
        cure = f"Edit the key at {KEYS_PAGE.removesuffix('/create')} and add them."
        yield Finding(Mark.BAD, "rights", f"The key lacks: {', '.join(missing)}.", cure)
    else:
        yield Finding(Mark.OK, "rights", "The key has the rights that were probed.")


def _probes(settings: Settings, stripe: Stripe) -> Iterator[tuple[str, Callable[[], Any]]]:
    ours = Whose(livemode=settings.livemode)
    yield "Customers: Read", lambda: stripe.customer(ours, f"cus_{NOBODY}")
    yield "Payment Methods: Read", lambda: stripe.card(ours, f"pm_{NOBODY}")
    yield "Invoices and PaymentIntents: Read", lambda: _some_invoice(ours, stripe)
    yield "Invoices: Write", lambda: stripe.set_auto_advance(ours, f"in_{NOBODY}", on=True)
    yield (
        "Customer portal: Write",
        lambda: stripe.portal(ours, f"cus_{NOBODY}", return_url="https://example.com"),
    )
    yield "Events: Read", lambda: next(iter(stripe.missed_events(types=SUBSCRIBED[:1])), None)


def _some_invoice(ours: Whose, stripe: Stripe) -> None:
    """Read one open invoice as charges do, with the payments and their errors inside."""
    found = next(iter(stripe.open_invoices(ours)), None)
    stripe.invoice(ours, found.id if found else f"in_{NOBODY}")


def _endpoint(settings: Settings, stripe: Stripe) -> Iterator[Finding]:
    wanted = f"{settings.base_url}{WEBHOOK_PATH}"
    ending = [e for e in stripe.webhook_endpoints() if urlsplit(str(e["url"])).path == WEBHOOK_PATH]
    ours = next((e for e in ending if e["url"] == wanted), None)
    if ours is not None:
        yield from _judged(ours)
    elif (urlsplit(settings.base_url).hostname or "") in LOCAL:
        cure = "Run the line of `dunning stripe listen` while you try it out."
        yield Finding(Mark.WARN, "webhook endpoint", "Stripe cannot deliver to this machine itself.", cure)
    else:
        cure = "`dunning stripe webhook create` makes it."
        yield Finding(Mark.BAD, "webhook endpoint", f"The account has none for {wanted}.", cure)


def _judged(endpoint: Mapping[str, Any]) -> Iterator[Finding]:
    sound = True
    if endpoint.get("status") != "enabled":
        sound = False
        cure = "Enable it in the Stripe Dashboard, then run `dunning reconcile`."
        yield Finding(Mark.BAD, "webhook endpoint", f"{endpoint['id']} is disabled.", cure)
    sent = set(endpoint.get("enabled_events") or ())
    absent = [] if "*" in sent else [name for name in SUBSCRIBED if name not in sent]
    if absent:
        sound = False
        sentence = f"{endpoint['id']} does not send {', '.join(absent)}."
        yield Finding(Mark.BAD, "webhook endpoint", sentence, "Add them in the Stripe Dashboard.")
    version = endpoint.get("api_version")
    if version not in {None, API_VERSION}:
        sound = False
        sentence = f"It speaks API version {version}, we {API_VERSION}; both are understood."
        cure = "At leisure: make a new endpoint with `dunning stripe webhook create`."
        yield Finding(Mark.WARN, "webhook endpoint", sentence, cure)
    if sound:
        yield Finding(Mark.OK, "webhook endpoint", f"{endpoint['id']} is enabled and sends all our events.")


def _portal(stripe: Stripe) -> Iterator[Finding]:
    """Judge the page on which customers enter a new card."""
    saved = next(iter(stripe.portal_configurations()), None)
    if saved is None:
        cure = f"Save its settings once at {PORTAL_PAGE}; without them Stripe makes no page."
        yield Finding(Mark.BAD, "portal", "The account's customer portal was never set up.", cure)
    elif not dig(saved, "features", "payment_method_update", "enabled"):
        cure = f"Allow customers to update payment methods at {PORTAL_PAGE}."
        yield Finding(Mark.BAD, "portal", "The customer portal does not take new cards.", cure)
    else:
        yield Finding(Mark.OK, "portal", "Customers can enter a new card in the customer portal.")


def _time(stripe: Stripe, clock: Clock) -> Iterator[Finding]:
    theirs = stripe.server_time()
    if theirs is None:
        return
    off = abs(clock.now() - theirs)
    sentence = f"This machine's clock is {off.total_seconds():.0f} s from Stripe's."
    if off <= CLOCKS_AGREE + A_SECOND:
        yield Finding(Mark.OK, "clock", sentence)
    else:
        cure = "Let NTP set it: until then nothing is charged, and from 300 s on every event is refused."
        yield Finding(Mark.BAD, "clock", sentence, cure)


def _last_event(settings: Settings, store: Store, clock: Clock) -> Iterator[Finding]:
    try:
        with store.read() as connection:
            at = inbox.last_created(connection, Whose(livemode=settings.livemode))
    except SQLAlchemyError:
        return  # the database has findings of its own
    cure = "Compare the deliveries in the Stripe Dashboard; `dunning reconcile` fetches what was missed."
    if at is None:
        yield Finding(Mark.WARN, "last event", "No event has come yet.", cure)
        return
    age = clock.now() - at
    old = f"The last event is {age.days} days old." if age.days else "An event came in the last 24 hours."
    yield Finding(Mark.WARN, "last event", old, cure) if age > QUIET else Finding(Mark.OK, "last event", old)


def _asked(name: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a look at Stripe; what it refuses or cannot answer is a finding too."""
    try:
        yield from list(look())
    except Refused as error:
        named = _NAMED.search(str(error))
        cure = f"Add the right {named.group()} to the key." if named else ""
        yield Finding(Mark.WARN, name, f"It cannot be checked: {_first_line(error)}", cure)
    except Transient as error:
        yield Finding(Mark.WARN, name, f"It cannot be checked now ({_first_line(error)}).")


def _first_line(error: Exception) -> str:
    lines = str(error).partition("  If this problem persists")[0].strip().splitlines()  # the SDK's advice
    return lines[0].rstrip(".") if lines else type(error).__name__
