"""Spans: how long a piece of work took and inside what, for who traces; ids, never addresses or secrets.

Without a tracer a span costs nothing and is nothing.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

Rename = Callable[[str], Any]
Tracer = Callable[[str, dict[str, str]], AbstractContextManager[Rename]]
_TRACERS: Final[list[Tracer]] = []


def span(name: str, **ids: object) -> AbstractContextManager[Rename | None]:
    """Return a span round a piece of work; `name` is one of a few words, `ids` say which it is.

    Entered, it gives what renames it, for whom the name is known at the end only; None where nobody traces.
    """
    if not _TRACERS:
        return nullcontext()
    return _TRACERS[-1](name, {key: str(value) for key, value in ids.items()})


def traced() -> bool:
    """Return whether spans go anywhere."""
    return bool(_TRACERS)


def trace_with(tracer: Tracer) -> Callable[[], None]:
    """Have every span from now on made by `tracer`; return what ends that."""
    _TRACERS.append(tracer)
    return lambda: _TRACERS.remove(tracer)
