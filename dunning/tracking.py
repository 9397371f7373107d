"""Errors told to Sentry as well (`dunning[sentry]`): what stands in the log, redacted, and nothing else."""

import importlib.util
from collections.abc import Mapping
from typing import Any, Final

from dunning import __version__, logs
from dunning.errors import Unusable
from dunning.settings import Settings

NOT_TAGS: Final = frozenset({"event", "level", "exception", "timestamp", "module"})
WORDS_MOST: Final = 200


def track_errors(settings: Settings) -> None:
    """Begin to tell errors to Sentry, where DUNNING_SENTRY_DSN is set; without it nothing is imported.

    Sentry sees no request, no local variable and no name of a machine: only the redacted line.

    Raises:
        Unusable: the DSN is none, or the extra is not installed.
    """
    if settings.sentry_dsn is None:
        return
    if importlib.util.find_spec("sentry_sdk") is None:
        raise Unusable("DUNNING_SENTRY_DSN takes the extra dunning[sentry]: install it, or unset it.")
    import sentry_sdk  # noqa: PLC0415 - costs nothing where it is not asked for
    from sentry_sdk.utils import BadDsn  # noqa: PLC0415

    try:
        sentry_sdk.init(
            dsn=settings.sentry_dsn.get_secret_value(),
            release=f"dunning@{__version__}",
            environment="live" if settings.livemode else "test",
            server_name="",
            default_integrations=False,
            auto_enabling_integrations=False,
            include_local_variables=False,
        )
    except BadDsn as error:
        raise Unusable(f"DUNNING_SENTRY_DSN is not a DSN of Sentry: {error}.") from None
    logs.report_errors(lambda line: _tell(sentry_sdk, line))


def _tell(sentry: Any, line: Mapping[str, Any]) -> None:
    tags = {name: str(value)[:WORDS_MOST] for name, value in line.items() if name not in NOT_TAGS}
    what = str(line.get("event"))
    told = {"message": what, "level": line.get("level"), "logger": line.get("module"), "tags": tags}
    sentry.capture_event({**told, "fingerprint": [what], "extra": {"traceback": line.get("exception")}})
