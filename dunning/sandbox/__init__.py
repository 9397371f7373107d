"""A simulated Stripe over real HTTP, with customers who behave, on a clock of its own."""

from dunning.sandbox.delivery import Mischief
from dunning.sandbox.server import Server, serve
from dunning.sandbox.standalone import run_standalone
from dunning.sandbox.world import Sandbox

__all__ = ["Mischief", "Sandbox", "Server", "run_standalone", "serve"]
