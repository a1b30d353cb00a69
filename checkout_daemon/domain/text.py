"""What text from outside may hold."""

from __future__ import annotations

import unicodedata

# Line and paragraph separators, and marks that turn the direction of what follows: in a list they forge other lines.
_MISLEADING = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_clean(text: str, *, allow: str = "") -> bool:
    """No control characters (NUL among them), lone surrogates or marks that forge; `allow` names exceptions."""
    return all(
        char in allow or not (char in _MISLEADING or unicodedata.category(char) in ("Cc", "Cs")) for char in text
    )


def is_visible(text: str) -> bool:
    """Something of it can be seen."""
    return any(unicodedata.category(char)[0] not in "ZC" for char in text)
