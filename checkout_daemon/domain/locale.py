"""The language a shopper reads, as their browser says (Accept-Language: RFC 9110, 12.5.4; tags: RFC 5646)."""

from __future__ import annotations

import re

_TAG = re.compile(r"[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8}){0,3}")
_LONGEST_HEADER = 500


def preferred_locale(accept_language: str) -> str | None:
    """The tag asked for most, such as de-AT; None where there is none, or none that can be read."""
    best: tuple[float, str] | None = None
    for part in accept_language[:_LONGEST_HEADER].split(","):
        tag, _, rest = part.strip().partition(";")
        weight = _weight(rest)
        if _TAG.fullmatch(tag.strip()) and weight > (best[0] if best else 0):
            best = (weight, tag.strip())
    if best is None:
        return None
    language, _, region = best[1].partition("-")
    return f"{language.lower()}-{region.upper() if len(region) == 2 else region}" if region else language.lower()


def _weight(text: str) -> float:
    name, _, value = text.strip().partition("=")
    if not name:
        return 1.0
    try:
        return float(value) if name.strip() == "q" else 1.0
    except ValueError:
        return 0.0
