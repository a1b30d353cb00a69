"""Choose a content encoding: https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding."""

from __future__ import annotations

import re
from collections.abc import Collection

IDENTITY = "identity"
# Content codings by file suffix, best first: the first of several equally preferred ones is sent.
SUFFIXES = {".br": "br", ".gz": "gzip"}

_OFFER = re.compile(
    r"\s*([!#$%&'*+.^_`|~0-9a-z-]+)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?", re.IGNORECASE
)


def choose_encoding(header: str | None, available: Collection[str]) -> str:
    """Return the coding of `available` that the client prefers, or identity if it accepts none or prefers identity.

    Return identity even if that was refused: a page is better than an error. Ignore malformed members of the header.
    """
    weights = _weights(header or "")
    anything = weights.get("*", 0.0)
    candidates = [coding for coding in SUFFIXES.values() if coding in available]
    best = max(candidates, key=lambda coding: weights.get(coding, anything), default=IDENTITY)
    weight = weights.get(best, anything)
    # Identity is acceptable if it is not named, but any named coding is preferred.
    return best if weight > 0 and weight >= weights.get(IDENTITY, 0.0) else IDENTITY


def _weights(header: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for offer in header.split(","):
        if (match := _OFFER.fullmatch(offer)) is not None:
            name = match[1].lower()
            name = {"x-gzip": "gzip"}.get(name, name)
            found.setdefault(name, float(match[2] or 1))
    return found
