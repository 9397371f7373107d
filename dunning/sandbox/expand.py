"""Expansion: ids become objects where `expand[]` asks for it, on a copy of the way there."""

from typing import Any

from dunning.sandbox.api_errors import invalid
from dunning.sandbox.charging import invoice_payment_id
from dunning.sandbox.shapes import listing
from dunning.sandbox.state import Obj, World

_LIMIT = 4


def expanded(world: World, obj: Obj, paths: list[str]) -> Obj:
    """Return the object with every path expanded.

    Raises:
        ApiError: 400 for a path deeper than four levels or a field that holds no reference.
    """
    for path in paths:
        parts = path.split(".")
        if len(parts) > _LIMIT:
            raise invalid("You cannot expand more than 4 levels of a property.", param="expand")
        obj = _along(world, obj, parts, path)
    return obj


def _along(world: World, obj: Obj, parts: list[str], path: str) -> Obj:
    name, rest = parts[0], parts[1:]
    if name == "payments" and obj.get("object") == "invoice" and "payments" not in obj:
        obj = obj | {"payments": _payments(world, obj)}
    if name not in obj:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    return obj | {name: _value(world, obj[name], rest, path)}


def _value(world: World, value: Any, rest: list[str], path: str) -> Any:
    if isinstance(value, list):
        return [_value(world, one, rest, path) for one in value]
    if isinstance(value, str):
        found = world.get(value)
        if found is None:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        value = found
    if isinstance(value, dict) and rest:
        return _along(world, value, rest, path)
    return value


def _payments(world: World, invoice: Obj) -> Obj:
    payment = world.get(invoice_payment_id(invoice))
    return listing([payment], f"/v1/invoice_payments?invoice={invoice['id']}")
