"""Where the files beside the code are: templates, migrations and alembic.ini.

A clone keeps them at its root; a wheel carries them inside the package.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from dunning.errors import Unusable

if TYPE_CHECKING:
    from alembic.config import Config

PACKAGE = Path(__file__).resolve().parent


def templates() -> Path:
    """Return the folder of the built-in templates (email/, web/).

    Raises:
        Unusable: if this installation lacks the folder.
    """
    return _home("templates") / "templates"


def migrations() -> Path:
    """Return the folder of the database migrations.

    Raises:
        Unusable: if this installation lacks the folder.
    """
    return _home("migrations/env.py") / "migrations"


def alembic_config(url: str) -> "Config":
    """Return Alembic's configuration for the database at `url`, wherever dunning is installed.

    To run inside a connection of one's own, put it into `config.attributes["connection"]`.

    Raises:
        Unusable: if this installation lacks alembic.ini or the migrations.
    """
    from alembic.config import Config  # noqa: PLC0415 - a tenth of a second that most commands do not need

    config = Config(_home("alembic.ini") / "alembic.ini")
    config.set_main_option("script_location", _doubled(str(migrations())))
    config.set_main_option("sqlalchemy.url", _doubled(url))
    return config


def _home(name: str) -> Path:
    """Return the folder that holds `name`: the package (wheel), else the root of the clone."""
    for folder in (PACKAGE, PACKAGE.parent):
        if (folder / name).exists():
            return folder
    raise Unusable(
        f"dunning is installed without {name}: it is neither in {PACKAGE} nor in {PACKAGE.parent}. "
        "Install the wheel again, or run from a complete clone."
    )


def _doubled(value: str) -> str:
    """Alembic reads its options with %-interpolation, and passwords in URLs are %-escaped."""
    return value.replace("%", "%%")
