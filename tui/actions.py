"""The actions of a screen: one table for its keys, footer, help and command palette entries."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass

from textual.binding import Binding, BindingType


@dataclass(frozen=True, slots=True)
class Action:
    """One action and its key.

    `command` is the equivalent command without `checkout`, or empty. `foot` is its word in the footer; without one it
    is not shown there. `writes` actions are disabled in read-only mode.
    """

    key: str
    name: str
    description: str
    command: str = ""
    foot: str = ""
    writes: bool = False
    show_key: str = ""

    @property
    def shown_key(self) -> str:
        return self.show_key or self.key


def shown(key: str) -> str:
    """Return keys as people name them."""
    names = {
        "enter": "Enter", "escape": "Esc", "slash": "/", "question_mark": "?", "space": "Space", "tab": "Tab",
        "asterisk": "*", "colon": ":", "left": "←", "right": "→",
    }  # fmt: skip
    return ", ".join(
        names.get(name, name.upper() if name[:1] == "f" and name[1:].isdigit() else name) for name in key.split(",")
    )


def bindings(actions: Iterable[Action]) -> list[BindingType]:
    """Return the key bindings of actions for Textual."""
    return [
        Binding(
            action.key,
            action.name,
            action.foot or action.description,
            show=bool(action.foot),
            key_display=action.show_key or None,
        )
        for action in actions
    ]


def command_line(*words: object) -> str:
    """Return a `checkout` command, quoted for a shell."""
    return shlex.join(["checkout", *(str(word) for word in words)])
