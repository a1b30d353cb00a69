"""What can be done on a screen: one table for its keys, its footer, its help and the command palette."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Action:
    """`command`: the words of the command line that do the same, or empty where there is no such command.

    `foot`: the word in the footer, where there is room for it.
    """

    key: str
    name: str
    does: str
    command: str = ""
    foot: str = ""
    writes: bool = False
    show_key: str = ""

    @property
    def shown_key(self) -> str:
        return self.show_key or self.key


def bindings(actions: Iterable[Action]) -> list[BindingType]:
    return [
        Binding(each.key, each.name, each.foot or each.does, show=bool(each.foot), key_display=each.show_key or None)
        for each in actions
    ]


def command_line(*words: object) -> str:
    """A command as one types it into a shell."""
    return shlex.join(["checkout", *(str(word) for word in words)])
