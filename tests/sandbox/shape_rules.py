"""What tells the three shapes of a payload apart: fields that are there, and fields that are gone."""

from typing import Any

BEFORE_BASIL = {
    "invoice": "payment_intent charge paid subscription subscription_details discount tax quote",
    "payment_intent": "invoice",
    "charge": "invoice",
    "subscription": "current_period_start current_period_end",
}
FROM_BASIL_ON = {
    "invoice": "parent amount_overpaid total_taxes",
    "line_item": "pricing parent taxes",
}


def wrong(obj: Any, shape: str) -> list[str]:
    """Return what an object, or one inside it, has too much or too little for its shape."""
    if isinstance(obj, list):
        return [found for one in obj for found in wrong(one, shape)]
    if not isinstance(obj, dict):
        return []
    inside = [found for one in obj.values() for found in wrong(one, shape)]
    return inside + _of(obj, str(obj.get("object")), shape)


def without_old(obj: Any) -> Any:
    """Return a hybrid object without what basil took away: what is left is the new shape."""
    if isinstance(obj, list):
        return [without_old(one) for one in obj]
    if not isinstance(obj, dict):
        return obj
    gone = BEFORE_BASIL.get(str(obj.get("object")), "").split()
    return {name: without_old(value) for name, value in obj.items() if name not in gone}


def _of(obj: dict[str, Any], kind: str, shape: str) -> list[str]:
    old, new = BEFORE_BASIL.get(kind, "").split(), FROM_BASIL_ON.get(kind, "").split()
    present = {"old": old, "hybrid": [*old, *new], "new": new}[shape]
    gone = {"old": new, "hybrid": [], "new": old}[shape]
    return [
        *(f"{kind} lacks {name}" for name in present if name not in obj),
        *(f"{kind} has {name}" for name in gone if name in obj),
    ]
