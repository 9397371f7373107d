"""Commands on people: who may use the pages, and as what."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

from typing import Annotated, Any

import typer

from dunning.commands import console
from dunning.commands.opening import opened_house, operator
from dunning.core.people import Role

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The person's address.", show_default=False)]
RoleOption = Annotated[
    Role, typer.Option(help="viewer looks, staff acts, finance exports, admin does everything.")
]


def add(
    email: Email,
    *,
    name: Annotated[str, typer.Option(help="Their name.", show_default="the address")] = "",
    role: RoleOption = Role.STAFF,
    as_json: JsonOption = False,
) -> None:
    """Add a person, and print the link with which they choose a password."""
    from dunning.flows import people

    with opened_house() as house:
        user, secret = people.add(house, email=email, name=name or email, role=role, by=operator())
        _say_link(house, user.email, secret, as_json=as_json)


def show_list(*, as_json: JsonOption = False) -> None:
    """List the people with their roles and when they signed in last (UTC)."""
    from dunning.store import people

    with opened_house() as house, house.store.read() as connection:
        found = people.every(connection)
    if as_json:
        console.say_json([_plain(user) for user in found])
        return
    rows = ((user.email, user.name, user.role, _state(user), user.signed_in_at) for user in found)
    console.say_table(("email", "name", "role", "state", "signed in"), rows)


def set_role(email: Email, role: Annotated[Role, typer.Argument(help="The new role.")]) -> None:
    """Give a person another role, from their next click on."""
    from dunning.flows import people

    with opened_house() as house:
        people.set_role(house, email, role, by=operator())
    console.say(f"{email} is {role} from now on.")


def disable(email: Email) -> None:
    """Shut a person out at once: their sessions and links end."""
    from dunning.flows import people

    with opened_house() as house:
        people.disable(house, email, by=operator())
    console.say(f"{email} can no longer sign in, and is signed out.")


def enable(email: Email) -> None:
    """Let a disabled person in again."""
    from dunning.flows import people

    with opened_house() as house:
        people.enable(house, email, by=operator())
    console.say(f"{email} can sign in again.")


def reset_link(email: Email, *, as_json: JsonOption = False) -> None:
    """Print a new link with which a person chooses a password, once, within 24 hours."""
    from dunning.flows import people

    with opened_house() as house:
        secret = people.reset_link(house, email, by=operator())
        _say_link(house, email, secret, as_json=as_json)


def sessions(
    email: Email,
    *,
    end: Annotated[bool, typer.Option("--end", help="Sign them out everywhere.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a person's sessions, or end them."""
    from dunning.errors import Unusable
    from dunning.flows import people
    from dunning.store import people as kept
    from dunning.store import sessions as store

    with opened_house() as house:
        ended = people.end_sessions(house, email, by=operator()) if end else 0
        with house.store.read() as connection:
            user = kept.by_email(connection, email.strip().lower())
            if user is None:
                raise Unusable(f"{email} has no account here: `dunning user list` shows who has.")
            found = store.of_user(connection, user.id)
    names = ("address", "agent", "created_at", "seen_at")
    if as_json:
        console.say_json({"ended": ended, "sessions": [{n: row[n] for n in names} for row in found]})
    elif end:
        console.say(f"{ended} ended.")
    else:
        rows = ([row[name] for name in names] for row in found)
        console.say_table(("address", "browser", "since", "used"), rows)


def _say_link(house: Any, email: str, secret: str, *, as_json: bool) -> None:
    url = f"{house.settings.base_url}/join/{secret}"
    if as_json:
        console.say_json({"email": email, "link": url})
        return
    console.note(f"For {email}, good once and for 24 hours:")
    console.say(url)


def _state(user: Any) -> str:
    if user.disabled_at is not None:
        return "disabled"
    return "active" if user.password is not None else "invited"


def _plain(user: Any) -> dict[str, Any]:
    names = ("id", "email", "name", "role", "created_at", "disabled_at", "signed_in_at")
    return {name: getattr(user, name) for name in names} | {"state": _state(user)}
