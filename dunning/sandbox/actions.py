"""Everything the sandbox can be told to do, by name."""

from types import ModuleType

from dunning.sandbox import (
    actions_customer,
    actions_merchant,
    actions_money,
    actions_past,
    actions_wire,
)
from dunning.sandbox.action import Action

_GROUPS = (actions_customer, actions_merchant, actions_money, actions_past, actions_wire)


def _of(group: ModuleType) -> list[Action]:
    return [one for one in vars(group).values() if isinstance(one, Action)]


# By who acts: the customers, the merchant, the banks and Stripe, the past, the wire between Stripe and us.
GROUPS: dict[str, tuple[Action, ...]] = {
    (group.__doc__ or "").split(".")[0]: tuple(_of(group)) for group in _GROUPS
}
ACTIONS: dict[str, Action] = {one.name: one for group in GROUPS.values() for one in group}


def named(name: str) -> Action:
    """Return an action.

    Raises:
        ValueError: if there is none of that name.
    """
    if name not in ACTIONS:
        raise ValueError(f"there is no action {name!r}: choose from {', '.join(sorted(ACTIONS))}")
    return ACTIONS[name]
