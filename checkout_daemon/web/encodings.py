"""Which form of a file a browser wants: https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding."""

from __future__ import annotations

import re
from collections.abc import Collection

IDENTITY = "identity"
# Content codings by the suffix of their files, best first: among equally welcome ones the first is sent.
SUFFIXES = {".br": "br", ".gz": "gzip"}

_OFFER = re.compile(
    r"\s*([!#$%&'*+.^_`|~0-9a-z-]+)\s*(?:;\s*q\s*=\s*(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*)?", re.IGNORECASE
)


def choose_encoding(header: str | None, available: Collection[str]) -> str:
    """One of `available`, or identity, where none of them is welcome or the file as it is is more welcome.

    Identity also where even that was refused: a page beats an error. An offer that is no such offer counts as none.
    """
    weights = _weights(header or "")
    anything = weights.get("*", 0.0)
    candidates = [each for each in SUFFIXES.values() if each in available]
    best = max(candidates, key=lambda each: weights.get(each, anything), default=IDENTITY)
    weight = weights.get(best, anything)
    # Not named, identity is acceptable, but anything that is named is more welcome.
    return best if weight > 0 and weight >= weights.get(IDENTITY, 0.0) else IDENTITY


def _weights(header: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for offer in header.split(","):
        if (match := _OFFER.fullmatch(offer)) is not None:
            name = match[1].lower()
            name = {"x-gzip": "gzip"}.get(name, name)
            found.setdefault(name, float(match[2] or 1))
    return found
