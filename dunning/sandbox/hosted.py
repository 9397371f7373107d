"""The pages a customer of the sandbox sees: a portal to change the card, an invoice to pay."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from dunning.sandbox import chance, forms, parts
from dunning.sandbox.charging import attempt, payment_of, usable_card
from dunning.sandbox.events import emit
from dunning.sandbox.state import Actor, Obj, World
from dunning.sandbox.wallet import add_card, make_default, save_card

_CSS = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:30rem;margin:2rem auto;padding:0 1rem;color:#1a1f36}"
    "small{background:#fff3c4;padding:.1rem .5rem;border-radius:.3rem}label{display:block;margin:.6rem 0}"
    "button{font:inherit;padding:.6rem 1.2rem;border:0;border-radius:.4rem;background:#4b45c6;color:#fff}"
    ".bad{color:#a3160f}"
)
_CARDS = {
    "works": ("A new card that works (•••• 4242)", None),
    "later_declines": ("A card that is saved, then declined (•••• 0341)", "generic_decline"),
    "refused": ("A card that is refused at once (•••• 0002)", "refused"),
}
_ZERO_DECIMAL = {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf"}


def routes(world: World) -> list[Route]:
    """Return the routes of the hosted pages."""

    async def portal(request: Request) -> Response:
        text = (await request.body()).decode()
        with world.lock:
            return _portal(world, request, forms.parse(text))

    async def invoice(request: Request) -> Response:
        text = (await request.body()).decode()
        with world.lock:
            return _invoice(world, request, forms.parse(text))

    return [
        Route("/portal/{id}", portal, methods=["GET", "POST"]),
        Route("/invoice/{id}", invoice, methods=["GET", "POST"]),
    ]


def _page(title: str, body: str, status: int = 200) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_CSS}</style>'
        f"<small>Simulation: no money moves</small><h1>{title}</h1>{body}</html>",
        status,
    )


def _choices(options: dict[str, str]) -> str:
    return "".join(
        f'<label><input type="radio" name="card" value="{value}"{" checked" if not index else ""}> '
        f"{escape(text)}</label>"
        for index, (value, text) in enumerate(options.items())
    )


def customer_actor(world: World, subject: str) -> Actor:
    """Return the actor of a change made on a page: Stripe gives it a request and a key of its own."""
    request_id = world.new_id("req")
    raw = chance.digest(world.seed, subject, request_id, size=16)
    return Actor("customer", request_id, f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-a{raw[17:20]}-{raw[20:]}")


def _portal(world: World, request: Request, form: Obj) -> Response:
    session = world.get(request.path_params["id"])
    if session is None or session["object"] not in {"billing_portal.session", "checkout.session"}:
        return _page("Not found", "<p>This link is not, or no longer, valid.</p>", 404)
    if request.method == "GET":
        return _portal_form("")
    choice = form.get("card", "works")
    if _CARDS.get(choice, ("", "refused"))[1] == "refused":
        return _portal_form("This card was declined. Try another one.", 402)
    change_card(world, session, trouble=_CARDS[choice][1])
    return _return(session)


def _portal_form(message: str, status: int = 200) -> Response:
    options = _choices({name: text for name, (text, _) in _CARDS.items()})
    note = f'<p class="bad">{message}</p>' if message else ""
    form = f'<form method="post">{options}<button>Save card</button></form>'
    return _page("Update your payment method", note + form, status)


def change_card(world: World, session: Obj, *, trouble: str | None = None) -> Obj:
    """Save a new card in a portal or checkout session; only the portal makes it the default."""
    owner = world.tables["customers"][session["customer"]]
    actor = customer_actor(world, session["id"])
    through_link = session["id"] in world.link_sessions
    pm = save_card(world, owner, actor, origin="portal", through_link=through_link, trouble=trouble)
    if session["object"] == "billing_portal.session":
        make_default(world, owner, pm["id"], actor)
        return pm
    intent = next(one for one in world.tables["setup_intents"].values() if one["payment_method"] == pm["id"])
    session |= {"status": "complete", "setup_intent": intent["id"], "url": None}
    emit(world, "checkout.session.completed", session, actor)
    return pm


def _return(session: Obj) -> Response:
    after = ((session.get("flow") or {}).get("after_completion") or {}).get("redirect") or {}
    target = after.get("return_url") or session.get("return_url") or session.get("success_url")
    if target:
        return RedirectResponse(target.replace("{CHECKOUT_SESSION_ID}", session["id"]), 303)
    return _page("Saved", "<p>Your new card was saved. You can close this page.</p>")


def _invoice(world: World, request: Request, form: Obj) -> Response:
    invoice = world.get(request.path_params["id"])
    if invoice is None or invoice["object"] != "invoice":
        return _page("Not found", "<p>This invoice does not exist.</p>", 404)
    if invoice["status"] not in {"open", "uncollectible"}:
        return _page(f"Invoice {escape(invoice['number'])}", f"<p>This invoice is {invoice['status']}.</p>")
    if request.method == "GET":
        return _invoice_form(invoice, "")
    if pay_on_page(world, invoice, new_card=form.get("card", "on_file") == "new"):
        return _page("Thank you", "<p>Your payment was received.</p>")
    return _invoice_form(invoice, "Your card was declined. Try another one.", 402)


def _invoice_form(invoice: Obj, message: str, status: int = 200) -> Response:
    options = _choices({"on_file": "The card on file (authenticate now)", "new": "Another card that works"})
    places = 0 if invoice["currency"] in _ZERO_DECIMAL else 2
    whole, minor = divmod(invoice["amount_remaining"], 10**places)
    amount = f"{whole}.{minor:02d}" if places else str(whole)
    note = f'<p class="bad">{message}</p>' if message else ""
    form = f'<form method="post">{options}<button>Pay {amount} {invoice["currency"].upper()}</button></form>'
    return _page(f"Invoice {escape(invoice['number'])}", note + form, status)


def pay_on_page(world: World, invoice: Obj, *, new_card: bool) -> bool:
    """Let the customer pay on the hosted page; a new card is used once and not saved."""
    owner = world.tables["customers"][invoice["customer"]]
    pm = usable_card(world, invoice)
    if new_card or pm is None:
        pm = add_card(world, owner, origin="hosted", country=(owner["address"] or {}).get("country") or "US")
        world.cards_of[owner["id"]].remove(pm["id"])
        pm["customer"] = None
    _, intent = payment_of(world, invoice)
    if intent["status"] == "processing":
        return True
    actor = customer_actor(world, invoice["id"])
    verdict, _ = attempt(world, invoice, pm, actor, on_session=True)
    return verdict.outcome == "paid"


def pay_part_on_page(world: World, invoice: Obj, amount: int) -> Obj:
    """Let the customer pay `amount` minor units of an invoice with a card used once; return the payment."""
    owner = world.tables["customers"][invoice["customer"]]
    pm = add_card(world, owner, origin="hosted", country=(owner["address"] or {}).get("country") or "US")
    world.cards_of[owner["id"]].remove(pm["id"])
    pm["customer"] = None
    return parts.pay_part(world, invoice, pm, amount, customer_actor(world, invoice["id"]))
