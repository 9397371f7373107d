"""A planner as bytes: JSON with a version, no pickle, so that loading one runs nothing."""

import json
from typing import Any, Final

import numpy as np

from dunning.timing.corrections import Corrections
from dunning.timing.learn import Learned
from dunning.timing.localtime import Floats
from dunning.timing.memory import Memory, Past
from dunning.timing.weights import Weights

FORMAT: Final = "dunning-timing"
VERSION: Final = 1


def dumps(learned: Learned, memory: Memory, seed: int) -> bytes:
    """Return what `loads` reads; equal planners give equal bytes."""
    weights = learned.weights
    body = {
        "format": FORMAT,
        "version": VERSION,
        "seed": seed,
        "shares": _lists(weights.shares),
        "patterns": _lists(weights.patterns),
        "posted": weights.posted.tolist(),
        "lasts": weights.lasts.tolist(),
        "within": _lists(weights.within),
        "corrections": _lists(dict(learned.corrections.tables)),
        "customers": {
            name: [[p.case, p.failed, p.tries] for p in past] for name, past in memory.customers.items()
        },
        "counts": memory.counts,
    }
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def loads(data: bytes) -> tuple[Learned, Memory, int]:
    """Return what was saved.

    Raises:
        ValueError: if the bytes are not a planner of this version.
    """
    try:
        body = json.loads(data)
        if (body["format"], body["version"]) != (FORMAT, VERSION):
            raise ValueError(f"a planner of version {VERSION} is needed; run `dunning learn` again")
        return _learned(body), _memory(body), int(body["seed"])
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError("these bytes are not a saved planner; run `dunning learn` again") from error


def _learned(body: dict[str, Any]) -> Learned:
    weights = Weights(
        shares=_arrays(body["shares"]),
        patterns=_arrays(body["patterns"]),
        posted=np.array(body["posted"]),
        lasts=np.array(body["lasts"]),
        within=_arrays(body["within"]),
    )
    return Learned(weights, Corrections(_arrays(body["corrections"])))


def _memory(body: dict[str, Any]) -> Memory:
    customers = {name: tuple(_past(row) for row in rows) for name, rows in body["customers"].items()}
    counts = {name: tuple((row[0], row[1]) for row in rows) for name, rows in body["counts"].items()}
    return Memory(customers, counts)


def _past(row: list[Any]) -> Past:
    return Past(row[0], row[1], tuple((at, paid) for at, paid in row[2]))


def _lists(arrays: dict[str, Floats]) -> dict[str, Any]:
    return {name: array.tolist() for name, array in arrays.items()}


def _arrays(lists: dict[str, Any]) -> dict[str, Floats]:
    return {name: np.array(rows, dtype=np.float64) for name, rows in lists.items()}
