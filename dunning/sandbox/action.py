"""One thing the sandbox can be told to do: by `POST /_sandbox/…`, by a step of a script, or from Python."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dunning.sandbox import options
from dunning.sandbox.state import Obj

if TYPE_CHECKING:
    from dunning.sandbox.world import Sandbox

Does = Callable[["Sandbox", Any], Obj]


@dataclass(frozen=True, slots=True)
class Nothing:
    """The options of an action that takes none."""


@dataclass(frozen=True, slots=True)
class Action:
    """A name, the dataclass of its options, what it does, and the ids that its answer `gives`."""

    name: str
    does: Does
    options: type = Nothing
    gives: tuple[str, ...] = ()

    @property
    def says(self) -> str:
        """What it does, in one sentence."""
        return (self.does.__doc__ or "").split("\n")[0]

    def __call__(self, sandbox: "Sandbox", given: Obj) -> Obj:
        """Do it now.

        Raises:
            ValueError: for options that do not fit, or when it cannot be done now; the sentence says why.
        """
        asked: Any = options.read(self.options, given)
        for name, kind in options.references(self.options).items():
            if name in given:
                _check_kind(sandbox, name, given[name], kind)
        return self.does(sandbox, asked)


def _check_kind(sandbox: "Sandbox", name: str, object_id: str, kind: str) -> None:
    _, found = sandbox.accounts.holding(object_id)
    if found["object"] != kind:
        raise ValueError(f"{name} = {object_id!r} has to name the {kind}: it is a {found['object']}")


def action(*, takes: type = Nothing, gives: str = "", name: str | None = None) -> Callable[[Does], Action]:
    """Make an action of a function; its name is the function's, and its docstring what is said of it."""

    def made(does: Does) -> Action:
        return Action(name or does.__name__, does, takes, tuple(gives.split()))

    return made
