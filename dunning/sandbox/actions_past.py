"""The past: what had happened before the sandbox began."""

from typing import TYPE_CHECKING

from dunning.sandbox import archive
from dunning.sandbox.action import action
from dunning.sandbox.past import Wanted
from dunning.sandbox.state import Obj

if TYPE_CHECKING:
    from dunning.sandbox.world import Sandbox


@action(takes=Wanted)
def past(sandbox: "Sandbox", wanted: Wanted) -> Obj:
    """Give the business a past that nobody played, which Stripe's lists show, and tell how much it is."""
    with sandbox.world.lock:
        return archive.lay_down(sandbox.world, wanted)
