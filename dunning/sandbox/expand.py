"""Expansion: ids become objects where `expand[]` asks for it, on a copy of the way there."""

from typing import Any

from dunning.sandbox.api_errors import invalid
from dunning.sandbox.charging import invoice_payment_id
from dunning.sandbox.shapes import listing
from dunning.sandbox.state import Obj, World
from dunning.sandbox.versions import Shape, older_fields

_LIMIT = 4


def expanded(world: World, obj: Obj, paths: list[str], shape: Shape = Shape.NEW) -> Obj:
    """Return the object with every path expanded, of the fields that its shape has.

    Raises:
        ApiError: 400 for a path deeper than four levels or a field that holds no reference.
    """
    for path in paths:
        parts = path.split(".")
        if len(parts) > _LIMIT:
            raise invalid("You cannot expand more than 4 levels of a property.", param="expand")
        obj = _along(world, obj, parts, path, shape)
    return obj


def _along(world: World, obj: Obj, parts: list[str], path: str, shape: Shape) -> Obj:
    name, rest = parts[0], parts[1:]
    if name not in obj and shape is not Shape.NEW:
        obj = older_fields(world, obj) | obj
    if name == "payments" and obj.get("object") == "invoice" and "payments" not in obj:
        obj = obj | {"payments": _payments(world, obj)}
    if name not in obj:
        raise invalid(f"This property cannot be expanded ({path}).", param="expand")
    return obj | {name: _value(world, obj[name], rest, path, shape)}


def _value(world: World, value: Any, rest: list[str], path: str, shape: Shape) -> Any:
    if isinstance(value, list):
        return [_value(world, one, rest, path, shape) for one in value]
    if isinstance(value, str):
        found = world.get(value)
        if found is None:
            raise invalid(f"This property cannot be expanded ({path}).", param="expand")
        value = found
    if isinstance(value, dict) and rest:
        return _along(world, value, rest, path, shape)
    return value


def _payments(world: World, invoice: Obj) -> Obj:
    names = [*world.parts_of.get(invoice["id"], ()), invoice_payment_id(invoice)]
    found = [payment for name in names if (payment := world.get(name))]
    return listing(found, f"/v1/invoice_payments?invoice={invoice['id']}")
