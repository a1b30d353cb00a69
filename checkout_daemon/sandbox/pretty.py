"""Write JSON with two-space indentation, as Stripe does, without the cost of `json.dumps(…, indent=2)`."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

_CONSTANTS = {True: "true", False: "false"}


def pretty(value: Any, pad: str = "\n") -> str:
    """Return the same text as `json.dumps(value, indent=2)`, faster: the C encoder cannot indent."""
    inner = f"{pad}  "
    if type(value) is dict:
        if not value:
            return "{}"
        parts: list[str] = []
        for key, item in value.items():
            if item is None:
                parts.append(f"{inner}{quoted(key)}: null")
            elif type(item) is str:
                parts.append(f"{inner}{quoted(key)}: {quoted(item)}")
            else:
                parts.append(f"{inner}{quoted(key)}: {pretty(item, inner)}")
        return "{" + ",".join(parts) + pad + "}"
    if type(value) is list:
        return "[" + ",".join([inner + pretty(item, inner) for item in value]) + pad + "]" if value else "[]"
    if type(value) is int:
        return repr(value)
    return _CONSTANTS[value] if value is True or value is False else json.dumps(value)
