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


@contextlib.contextmanager
def opened_store(settings: "Settings") -> Iterator["Store"]:
    """Open the database that the settings name, whatever its version.

    Raises:
        Unusable: the URL or the data directory cannot be used, or the database stopped answering.
    """
    from sqlalchemy.exc import ArgumentError, DBAPIError

    from dunning import app, logs

    logs.configure()
    try:
        store = app.connect(settings)
    except ArgumentError:
        raise Unusable(
            "DATABASE_URL cannot be read: it looks like postgresql://user:password@host:5432/name."
        ) from None
    except OSError as error:
        raise Unusable(
            f"DATABASE_URL: {error.filename} cannot be made ({error.strerror}): choose another place."
        ) from None
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
    from dunning.settings import Settings

    settings = Settings.load()
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
