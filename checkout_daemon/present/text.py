"""Words and counts, and text from outside that is safe to show."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

from checkout_daemon.model.counts import counted

__all__ = ["NONE", "counted", "masked", "not_dead_any_more", "plain", "plain_lines", "words"]

NONE = "–"
"""Shown in place of a missing value."""

_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # Persian and Indian names are written with them


def words(code: str) -> str:
    """Return a code such as `partially_refunded` as words."""
    return code.replace("_", " ")


def not_dead_any_more(count: int) -> str:
    """Return how many were left as they are, to follow how many were dismissed; empty if none were."""
    return f"; {count:,} {'is' if count == 1 else 'are'} not dead any more" if count else ""


def plain(text: str) -> str:
    """Return text from outside on one line, without anything that a terminal would obey.

    Spaces of all kinds become plain spaces; escape sequences, line breaks and other controls become replacement
    characters.
    """
    if text.isprintable():
        return text
    return "".join(_printable(char, before) for before, char in pairwise(("", *text)))


def masked(text: str) -> str:
    """Return only the first letter of each part of a name or address, so that rows stay distinguishable."""
    local, at, domain = text.partition("@")
    if at:
        return f"{local[:1]}•••@{domain[:1]}•••"
    return " ".join(f"{part[:1]}•••" for part in text.split()) or "•••"


def plain_lines(text: str) -> str:
    """Return text of several lines, each made plain."""
    return "\n".join(map(plain, text.split("\n")))


def _printable(char: str, before: str) -> str:
    if char in _JOINERS:
        # Terminals disagree about the width of joined emoji. Shown apart, they keep the columns of a table in place.
        return char if unicodedata.category(before or " ")[0] in "LM" else ""
    if unicodedata.category(char) == "Zs":
        return " "
    return char if char.isprintable() else "\N{REPLACEMENT CHARACTER}"
