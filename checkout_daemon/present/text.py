"""Words and counts, and text from outside that is safe to show."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

NONE = "–"
"""Shown in place of a missing value."""

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # Persian and Indian names are written with them


def words(code: str) -> str:
    """Return a code such as `partially_refunded` as words."""
    return code.replace("_", " ")


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 order` or `2,000 orders`; give `plural` unless it is the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def plain(text: str) -> str:
    """Return text from outside on one line, without anything that a terminal would obey.

    Spaces of all kinds become plain spaces; escape sequences, line breaks and other controls become replacement
    characters.
    """
    if text.isprintable():
        return text
    return "".join(_printable(char, before) for before, char in pairwise(("", *text)))


def _printable(char: str, before: str) -> str:
    if char in _JOINERS:
        # Terminals disagree about the width of joined emoji. Shown apart, they keep the columns of a table in place.
        return char if unicodedata.category(before or " ")[0] in "LM" else ""
    if unicodedata.category(char) == "Zs":
        return " "
    return char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
