"""The classes of commands and groups. Their docstrings are the help, and end with an example."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

import click


class Command(click.Command):
    """A command whose help prints the lines below `Example:` as they are, instead of wrapping them."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.help = _with_example_lines(self.help)


class CommandGroup(click.Group):
    """A group of such commands."""

    command_class = Command

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.help = _with_example_lines(self.help)


def _with_example_lines(text: str | None) -> str:
    return cleandoc(text or "").replace("\nExample:\n", "\n\b\nExample:\n")  # click's mark for a paragraph to keep
