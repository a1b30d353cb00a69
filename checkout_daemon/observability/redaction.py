"""Takes personal data and secrets out of text: the last resort, behind code that does not log them at all."""

from __future__ import annotations

import re

# Log lines carry text from outside, so none of these may take time that grows with the square of its length: a match
# begins only where a word begins, or has a bounded length, and nothing is read again (++).
# Signing secrets are base64, of either alphabet.
_SECRET = re.compile(r"\b(?:((?:sk|rk)_(?:live_|test_)?)\w+|(whsec_)[\w+/=-]+)")
_CLIENT_SECRET = re.compile(r"_secret_\w+")
_PASSWORD = re.compile(r"(?<=://)([^\s:/@]{0,256}):\S{1,512}@")  # to the last "@": a password may hold one
_QUERY_PASSWORD = re.compile(r"(password=)[^\s&'\"]{1,512}", re.IGNORECASE)
_WORD = r"\s@<>\"'(),:;=\[\]{}"
_EMAIL = re.compile(rf"(?<![^{_WORD}])[^{_WORD}]++@[\w-]++(?:\.[\w-]++)++")
# International numbers only: anything looser eats amounts, ids and times.
_PHONE = re.compile(r"\+\d(?:[ ().\-/]{0,2}\d){6,14}\b")
# Whoever has the id of an order or of its session may see the order; a part of it is enough to find it by.
_ORDER_ID = re.compile(r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
_SESSION_ID = re.compile(r"\b(cs_(?:test_|live_)?[A-Za-z0-9]{8})\w{4,}")


def redact(text: str) -> str:
    """Return the text with addresses, phone numbers, keys and passwords replaced by what they were."""
    if "@" in text:
        text = _PASSWORD.sub(r"\1:[password]@", text)
        text = _EMAIL.sub("[email]", text)
    if "assword=" in text.lower():
        text = _QUERY_PASSWORD.sub(r"\1[password]", text)
    if "+" in text:
        text = _PHONE.sub("[phone]", text)
    if "_" in text:
        text = _SECRET.sub(r"\1\2[secret]", text)
        text = _CLIENT_SECRET.sub("_secret_[secret]", text)
    return text


def shorten_ids(text: str) -> str:
    """Return the text with the ids of orders and sessions cut to a prefix, by which operators find them."""
    if "-" in text:
        text = _ORDER_ID.sub(r"\1...", text)
    if "cs_" in text:
        text = _SESSION_ID.sub(r"\1...", text)
    return text
