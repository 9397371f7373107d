"""The house as a command opens it: settings read, database checked, everything closed again."""
# ruff: noqa: PLC0415 - what a command needs is imported when it runs

import contextlib
import getpass
from collections.abc import Iterator
from typing import TYPE_CHECKING

from dunning.errors import Unusable

if TYPE_CHECKING:
    from dunning.flows.house import House
    from dunning.settings import Settings
    from dunning.store.engine import Store


def load_settings() -> "Settings":
    """Return the settings, with a database URL that can be read.

    Raises:
        Unusable: a setting cannot work; the sentence names it and the cure.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    from dunning.settings import Settings

    settings = Settings.load()
    try:
        make_url(settings.database)
    except (ArgumentError, ValueError):  # whose words may repeat the password
        raise Unusable(
            "DATABASE_URL cannot be read: it looks like postgresql://user:password@host:5432/name, with "
            "@ : / in the password written as %40 %3A %2F."
        ) from None
    return settings


@contextlib.contextmanager
def opened_store(settings: "Settings") -> Iterator["Store"]:
    """Open the database that the settings name, whatever its version.

    Raises:
        Unusable: the database cannot be opened, or stopped answering.
    """
    from sqlalchemy.exc import DBAPIError

    from dunning import app, logs

    logs.configure()
    store = app.connect(settings)
    try:
        yield store
    except DBAPIError as error:
        words = str(error.orig or error).strip().splitlines()
        raise Unusable(f"DATABASE_URL: the database refused ({words[0] if words else error}).") from None
    finally:
        store.engine.dispose()


@contextlib.contextmanager
def opened_house(*, stripe: bool = False) -> Iterator["House"]:
    """Open the house for one command; without `stripe` it works without a key, and asks Stripe nothing.

    Raises:
        Unusable: a setting cannot work, the database is out of date, or there is no such recovery.
    """
    from dunning import app
    from dunning.flows.staff import NotFound

    settings = load_settings()
    with opened_store(settings) as store:
        app.check_current(store)
        house = app.build_house(settings if stripe else _keyed(settings), store=store)
        try:
            yield house
        except NotFound as error:
            raise Unusable(
                f"There is no recovery {error}: `dunning recoveries list` shows what there is."
            ) from None


def operator() -> str:
    """Return who gives the command, for the timeline."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return "command line"


def _keyed(settings: "Settings") -> "Settings":
    """Return settings with some key: the house is built with one, and these commands never use it."""
    from pydantic import SecretStr

    if settings.stripe_api_key is not None:
        return settings
    return settings.model_copy(update={"stripe_api_key": SecretStr("sk_test_absent")})
