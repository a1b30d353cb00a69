"""The line with the command that is equivalent to the screen or the last action."""

from __future__ import annotations

from rich.text import Text

from .line import Line


class CommandLine(Line):
    """Shows `$ checkout …`, ready to be copied."""

    def __init__(self) -> None:
        super().__init__()
        self.command = ""

    def show(self, command: str) -> None:
        self.command = command
        self.show_text(Text.assemble((" $ ", "bold"), command, no_wrap=True, overflow="ellipsis"))
