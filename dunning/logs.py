"""Structured logs: an event name and fields; ids, never addresses or secrets."""

import logging
import re
import sys
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Final

import structlog

_SECRETS = re.compile(r"\b(sk|rk|whsec|pk)_[A-Za-z0-9_]{6,}|dun_[A-Za-z0-9_-]{6,}|/(?:pay|join)/[^\s\"']+")

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_TRACKERS: Final[list[Callable[[Mapping[str, Any]], None]]] = []


def configure(*, json: bool | None = None, level: int = logging.INFO) -> None:
    """Set structlog up: for people on a terminal, as JSON lines elsewhere; always on stderr."""
    as_json = not sys.stderr.isatty() if json is None else json
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(
            # the default shows local variables: payloads and addresses
            exception_formatter=structlog.dev.plain_traceback,
        )
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # before redacting: a traceback quotes what it choked on
            redact,
            _report,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),  # the stream of now: it may be replaced
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[Bridge()])


class Bridge(logging.Handler):
    """Takes what libraries log (the web server's tracebacks, say) into our lines, redacted like them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record as a line of ours."""
        log = structlog.get_logger(module=record.name)
        log.log(record.levelno, record.getMessage(), exc_info=record.exc_info)


def get(name: str) -> Any:
    """Return the logger of a module."""
    return structlog.get_logger(module=name)


def report_errors(to: Callable[[Mapping[str, Any]], None]) -> None:
    """Have each line of an error, redacted, told to a tracker as well."""
    _TRACKERS.append(to)


def _report(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    if event.get("level") in {"error", "critical"}:
        for tell in _TRACKERS:
            tell(event)
    return event


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Blank keys, secrets, tokens, links and addresses of people wherever they stand in a line."""
    return {name: _blanked(value) for name, value in event.items()}


def _blanked(value: Any) -> Any:
    if isinstance(value, str):
        return _ADDRESS.sub("[address]", _SECRETS.sub("[redacted]", value))
    if isinstance(value, Mapping):
        return {name: _blanked(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_blanked(inner) for inner in value]
    return _blanked(repr(value)) if isinstance(value, bytes | BaseException) else value
