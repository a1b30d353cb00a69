"""Keep secrets off the page: a screenshot or a shared screen must not give a key away."""

from __future__ import annotations

import re
from typing import Any

_SECRETS = re.compile(r"\b((?:sk|rk)_(?:test|live)_|whsec_|(?:pi|seti|cs)_\w+?_secret_)[\w*]+")
_PASSWORD = re.compile(r"(?<=://)[^/\s@]+@")
_NAMES = frozenset(("client_secret", "secret", "ephemeral_key_secret"))
HIDDEN = "…hidden"


def hide_secrets(value: Any) -> Any:
    """Return a copy with API keys, webhook secrets, client secrets and passwords in URLs hidden at any depth."""
    if isinstance(value, str):
        return _PASSWORD.sub("…@", _SECRETS.sub(rf"\1{HIDDEN}", value))
    if isinstance(value, dict):
        return {
            hide_secrets(key): HIDDEN if key in _NAMES and isinstance(inner, str) else hide_secrets(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [hide_secrets(element) for element in value]
    return value
