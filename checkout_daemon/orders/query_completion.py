"""Completes a text of the filter language: its keys, then their values."""

from __future__ import annotations

import re
from dataclasses import dataclass

from checkout_daemon.orders.query_keys import ALIASES, KEYS

_LAST = re.compile(r'(?:^|\s)(-?)([^\s"]*)$')
_VALUE = re.compile(r"([a-z0-9_]+:(?:.*,)?)(.*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Completion:
    """A text that continues what was typed, the part of it that was completed, and what it stands for."""

    text: str
    part: str
    help: str


def complete_query(typed: str) -> list[Completion]:
    """Return what continues the last term of a text, each with all that comes before; none within quotes."""
    if typed.count('"') % 2 or (match := _LAST.search(typed)) is None:
        return []
    before, word = typed[: match.start(2)], match[2]
    if valued := _VALUE.fullmatch(word):
        name = valued[1].partition(":")[0].lower()
        key = KEYS.get(ALIASES.get(name, name))
        taken = set(valued[1].partition(":")[2].lower().split(","))
        known = () if key is None else key.values
        help_text = "" if key is None else key.help
        return [
            Completion(f"{before}{valued[1]}{_quoted(value)}", value, help_text)
            for value in known
            if value.lower().startswith(valued[2].lower()) and value.lower() not in taken
        ]
    return [
        Completion(f"{before}{key.name}:", f"{key.name}:", key.help)
        for key in KEYS.values()
        if key.name.startswith(word.lower())
    ]


def _quoted(value: str) -> str:
    return f'"{value}"' if " " in value else value
