"""Publishing the policy: the next version, with what it changes in the audit log."""

from typing import Any

from dunning.core.audit import changed
from dunning.core.policy import PolicyVersion
from dunning.flows.house import House
from dunning.store import audit, rules


def publish(house: House, wanted: PolicyVersion, *, by: str) -> tuple[int, int]:
    """Put rules into force for recoveries that open from now on; return the versions before and now."""
    now = house.clock.now()
    with house.store.write() as connection:
        before = rules.current_policy(connection, now)
        made = rules.publish_policy(connection, wanted, now)
        if made.version != before.version:
            was, becomes = changed(_rules(before), _rules(made))
            about, act = f"policy {made.version}", "policy.publish"
            audit.append(connection, at=now, by=by, action=act, about=about, before=was, after=becomes)
    return before.version, made.version


def _rules(version: PolicyVersion) -> dict[str, Any]:
    """Return every rule by its name, those of a class of invoices as `class.rule`."""
    said = version.dumps()
    own = {f"{name}.{rule}": value for name, part in said["sections"].items() for rule, value in part.items()}
    return {rule: value for rule, value in {**said["default"], **own}.items() if rule != "version"}
