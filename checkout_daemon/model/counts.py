"""Counts in words."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return `1 order` or `2,000 orders`; give `plural` unless it is the noun with an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
