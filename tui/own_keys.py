"""The keys that `tui.toml` may use, and which of them the terminal uses itself."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.keys import _character_to_key, format_key

from .actions import Action

if TYPE_CHECKING:
    from .user_config import OwnKey

ALLOWED_KEYS = "a character, F1 to F24, and ctrl+ or alt+ with a letter"
_NAMED = re.compile(r"f([1-9]|1[0-9]|2[0-4])|(ctrl|alt)\+[a-z]")
_ALWAYS = {
    **dict.fromkeys(("up", "down", "j", "k", "pageup", "pagedown", "space", "home", "end", "g", "G"), "Move"),
    **dict.fromkeys(("enter", "tab", "shift+tab", "escape"), "Open, go to the next pane, or go back"),
    **dict.fromkeys("123456789", "Switch to a saved filter"),
    "ctrl+c": "Copy or quit", "ctrl+q": "Quit", "ctrl+l": "Draw the screen again", "ctrl+p": "Find an action",
    "ctrl+z": "Suspend", "f2": "Next colours",
}  # fmt: skip
_SAME = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+j": "enter", "ctrl+h": "backspace"}  # a terminal sends the same


def known_key(text: str) -> str | None:
    """Return Textual's name of a key that is written as a character, F5, ctrl+x or alt+x; else None."""
    if len(text) == 1 and text.isprintable() and text != " ":
        return _character_to_key(text)
    name = text.lower()
    return _SAME.get(name, name) if _NAMED.fullmatch(name) else None


def taken_by(key: str, actions: Iterable[Action]) -> str | None:
    """Return what a key does on a screen with these actions, or None if it is free."""
    taken = next((action.description for action in actions if key in action.key.split(",")), None)
    return taken or _ALWAYS.get(key)


def written(key: str) -> str:
    """Return a key as people write it."""
    return key.upper() if re.fullmatch(r"f\d+", key) else format_key(key)


def action_of(own: OwnKey, place: int) -> Action:
    """Return the action of an own key at a place in the file."""
    command = " ".join(own.run.split())
    return Action(own.key, f"own({place})", f"{own.name}: {command}", writes=not own.reads, show_key=written(own.key))
