"""The bar that runs a simulation's clock; the demo gives it, an installation never does."""

from typing import Any, Protocol


class DemoBar(Protocol):
    """What the pages need of a running demo."""

    def status(self) -> dict[str, Any]:
        """Return now, day, days, speed (a sentence), running, and counters (a name → value mapping)."""
        ...

    def pause(self) -> None:
        """Let virtual time stand still."""
        ...

    def resume(self) -> None:
        """Let virtual time run."""
        ...

    def faster(self) -> None:
        """Let virtual time run faster."""
        ...

    def slower(self) -> None:
        """Let virtual time run slower."""
        ...
