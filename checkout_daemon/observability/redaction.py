"""Takes personal data and secrets out of text: the last resort, behind code that does not log them at all."""

from __future__ import annotations

import re

# Log lines carry text from outside, so none of these may take time that grows with the square of its length: a match
# begins only where a word begins, or has a bounded length, and nothing is read again (++).
_SECRET = re.compile(r"\b((?:sk|rk)_(?:live_|test_)?|whsec_)\w+")
_PASSWORD = re.compile(r"(?<=://)([^\s:/@]{1,256}):[^\s@]{1,512}@")
_WORD = r"\s@<>\"'(),:;=\[\]{}"
_EMAIL = re.compile(rf"(?<![^{_WORD}])[^{_WORD}]++@[\w-]++(?:\.[\w-]++)++")
# International numbers only: anything looser eats amounts, ids and times.
_PHONE = re.compile(r"\+\d(?:[ ().\-/]{0,2}\d){6,14}\b")


def redact(text: str) -> str:
    """The text with addresses, phone numbers, keys and passwords replaced by what they were."""
    if "@" in text:
        text = _PASSWORD.sub(r"\1:[password]@", text)
        text = _EMAIL.sub("[email]", text)
    if "+" in text:
        text = _PHONE.sub("[phone]", text)
    if "_" in text:
        text = _SECRET.sub(r"\1[secret]", text)
    return text
