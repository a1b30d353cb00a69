"""Hides personal data in what an assistant reads. Pure."""

from __future__ import annotations

import re
from typing import Any

from checkout_daemon.present.text import masked

_NAMES = frozenset({"customer_name", "customer_email", "customer_phone", "customer"})
_WRITTEN = frozenset({"note", "url", "last4", "tracking_number", "tracking_url"})
"""What people wrote, a link to pay, what is known of a card, and a parcel that anybody could follow."""
_EMAIL = re.compile(r"[^\s@<>\"'(),;:]+@[^\s@<>\"'(),;:]+\.[^\s@<>\"'(),;:.]+")
_HIDDEN = "•••"


def hide(value: Any) -> Any:
    """Return the value, of dicts, lists and texts, without what names or reaches a person."""
    if isinstance(value, dict):
        return {key: _hide_field(key, one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [hide(one) for one in value]
    return _EMAIL.sub(lambda found: masked(found[0]), value) if isinstance(value, str) else value


def _hide_field(key: str, value: Any) -> Any:
    if key == "address" and isinstance(value, dict):
        return {part: text if part == "country" or not text else _HIDDEN for part, text in value.items()}
    if isinstance(value, str) and value and key in _NAMES:
        return _HIDDEN if key == "customer_phone" else masked(value)
    if isinstance(value, str) and value and key in _WRITTEN:
        return _HIDDEN
    return hide(value)
