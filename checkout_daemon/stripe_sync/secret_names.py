"""Names for webhook secrets, which themselves are told nowhere."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256

_SHOWN = 4


@lru_cache(maxsize=64)
def fingerprint(secret: str) -> str:
    """Eight hexadecimal digits: enough to tell secrets apart, far too few to find one by."""
    return sha256(secret.encode()).hexdigest()[:8]


def masked(secret: str) -> str:
    """As Stripe's dashboard lets people recognize a key: by its last characters."""
    return f"whsec_…{secret.removeprefix('whsec_')[-_SHOWN:]}" if len(secret) > 4 * _SHOWN else "whsec_…"
