"""Help in plain text, grouped: no frames to break when it is piped, and no half second for drawing them."""

from typing import Any

from typer.core import TyperGroup


class Panels(TyperGroup):
    """A group of commands whose help shows the first paragraph of each command's own, by panel."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section per panel, in the order in which the panels first appear."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panel = getattr(command, "rich_help_panel", None)
                sections.setdefault(panel if isinstance(panel, str) else "Commands", []).append(
                    (name, " ".join((command.help or "").split("\n\n", 1)[0].split()))
                )
        for title, rows in sections.items():
            with formatter.section(title):
                formatter.write_dl(rows)
