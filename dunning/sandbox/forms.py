"""Stripe's form encoding: `a[b]=1`, `a[]=1` and `a[0][b]=1` become nested dicts and lists."""

import re
from typing import Any
from urllib.parse import parse_qsl

from dunning.sandbox.state import Obj

_PART = re.compile(r"\[([^\]]*)\]")


def parse(encoded: str) -> Obj:
    """Return the nested parameters of a query string or a form body; every leaf is text."""
    root: Obj = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head = name.split("[", 1)[0]
        _put(root, [head, *_PART.findall(name)], value)
    return {key: _lists(value) for key, value in root.items()}


def _put(root: Obj, path: list[str], value: str) -> None:
    here = root
    for part in path[:-1]:
        key = part or str(len(here))
        child = here.get(key)
        if not isinstance(child, dict):
            child = here[key] = {}
        here = child
    here[path[-1] or str(len(here))] = value


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [_lists(value[key]) for key in sorted(value, key=int)]
    return {key: _lists(child) for key, child in value.items()}


def flag(value: Any) -> bool:
    """Return a form's `true` as True."""
    return value in {"true", "1", True}
