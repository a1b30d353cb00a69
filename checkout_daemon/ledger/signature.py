"""Verifies Stripe's signature of a delivery: https://docs.stripe.com/webhooks#verify-manually.

Implemented here because the SDK checks one secret at a time, and there are several while one is being rotated.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from checkout_daemon.errors import InvalidSignature

TOLERANCE_SECONDS = 300
_MOST_SIGNATURES = 16
_LONGEST_HEADER = 2048  # sixteen signatures take half of it


def verify(body: bytes, header: str | None, secrets: Sequence[str], now: float) -> int:
    """Return the index of the secret that signed the body. Raise InvalidSignature.

    Every secret is compared with every v1 signature in constant time, whichever matches.
    """
    timestamp, signatures = check_header(header, now)
    matched: int | None = None
    signed = b"%d.%b" % (timestamp, body)
    for index, secret in enumerate(secrets):
        expected = hmac.digest(secret.encode(), signed, "sha256").hex().encode()
        for signature in signatures:
            if hmac.compare_digest(expected, signature) and matched is None:
                matched = index
    if matched is None:
        raise InvalidSignature("no known secret made this signature: check STRIPE_WEBHOOK_SECRET of this endpoint")
    return matched


def check_header(header: str | None, now: float) -> tuple[int, list[bytes]]:
    """Return the time and signatures of a header. Raise InvalidSignature if no body could make it valid.

    A time in the future is accepted, as by Stripe's own libraries: whoever can sign gains nothing by it, and a slow
    clock on our side must not refuse payments.
    """
    timestamp, signatures = _parse(header)
    if timestamp < now - TOLERANCE_SECONDS:
        raise InvalidSignature(f"the signature is older than {TOLERANCE_SECONDS} seconds: check this machine's clock")
    return timestamp, signatures


def sign(body: bytes, secret: str, timestamp: int) -> str:
    """Return the signature header that Stripe would send."""
    return f"t={timestamp},v1={hmac.digest(secret.encode(), b'%d.%b' % (timestamp, body), 'sha256').hex()}"


def _parse(header: str | None) -> tuple[int, list[bytes]]:
    if not header:
        raise InvalidSignature("the Stripe-Signature header is missing")
    timestamp: int | None = None
    signatures: list[bytes] = []
    if len(header) > _LONGEST_HEADER:
        raise InvalidSignature(f"the Stripe-Signature header is longer than {_LONGEST_HEADER} characters")
    for part in header.split(","):
        name, _, value = part.strip().partition("=")
        if name == "t" and value.isascii() and value.isdigit() and len(value) <= 12:
            timestamp = int(value)
        elif name == "v1":
            signatures.append(value.encode("utf-8", "surrogateescape"))
    if timestamp is None or not signatures or len(signatures) > _MOST_SIGNATURES:
        raise InvalidSignature("the Stripe-Signature header does not have the form t=…,v1=…")
    return timestamp, signatures
