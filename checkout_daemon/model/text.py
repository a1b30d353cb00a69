"""Checks text from outside, and removes what pasting adds to it.

`cleaned` is for a known alphabet (addresses, codes, ids, numbers), `tidied` for words of any language (names). Both
take linear time. Composing (NFC) does not, so check the length before it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

WORD_MARKS = "\u00ad\u200b\u200e\u200f\u2060"
"""Marks of line breaks and direction; allowed in what the shop's own people write."""

# Line and paragraph separators, and marks that change the direction of what follows: in a list they forge lines.
_MISLEADING = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_JOINERS = frozenset("\u200c\u200d")  # Persian and Indian words and emoji are written with them
# Marks of direction and of where lines may break: contact cards, spreadsheets and web pages put them around text.
_PASTED = frozenset("\u00ad\u061c\u200b\u200e\u200f\u202a\u202b\u202c\u2060\u2066\u2067\u2068\u2069\ufeff")
_OVERRIDES = frozenset("\u202d\u202e")  # also pasted around a text; within it they change the order shown
# Visible format characters: Arabic and Syriac signs around numbers.
_VISIBLE_FORMATS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd")
# Invisible letters and symbols. The last three are drawn as blanks.
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\u2800")
_BLANKS = frozenset("\t\u2800\u3164\uffa0")  # besides those of the category Zs
_HYPHENS = frozenset("\u2010\u2011\u2012\u2013\u2212")
_AROUND = (
    "".join(_OVERRIDES | _JOINERS | _PASTED | _BLANKS)
    + " \n\r\u00a0\u1680\u202f\u205f\u3000"
    + "".join(map(chr, range(0x2000, 0x200B)))
)
_LONGEST_KNOWN = 1000  # no address, code, id or number is longer
_MAIL_OR_NUMBERS = re.compile(r"\w@\w|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])")
_HOST = re.compile(r"([\w.-]+)([/:]?)")
# The top-level domains of more than two letters that unwanted mail links to. Those of two letters are all countries'.
_ENDINGS = frozenset(
    (
        *("app", "biz", "blog", "cam", "cfd", "click", "cloud", "club", "com", "dev", "digital", "edu"),
        *("email", "fun", "gov", "info", "ink", "life", "link", "live", "loan", "lol", "mobi", "name", "net"),
        *("news", "one", "online", "org", "page", "pics", "pro", "promo", "pub", "quest", "sale", "sbs"),
        *("shop", "site", "space", "store", "stream", "support", "tech", "tel", "today", "top", "vip"),
        *("website", "wiki", "win", "work", "world", "xyz", "рф"),
    )
)
_TITLES = frozenset(
    (
        *("capt", "col", "dipl", "don", "dott", "dr", "fra", "gen", "hon", "ing", "mag", "med", "mme", "mrs"),
        *("prof", "rer", "rev", "sgt", "sra", "srta", "st", "univ"),
    )
)
# Letters with a stroke and ligatures, which do not decompose.
_LETTERS = str.maketrans(
    dict(zip("øłđðıħŧςßæœþ", ["o", "l", "d", "d", "i", "h", "t", "σ", "ss", "ae", "oe", "th"], strict=True))
)
# 8-bit controls, line separators, marks of direction, invisible formats; not the joiners, which words contain.
_HIDDEN = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_FORMS = ("<wide>", "<narrow>", "<small>")


def is_clean(text: str) -> bool:
    """Return whether every character of a text can be used."""
    return unusable(text) is None


def unusable(text: str, *, allow: str = "") -> str | None:
    """Return the first unusable character in the form U+0007, or None.

    Unusable are control characters, lone surrogates, marks that forge lines, and invisible formats.
    """
    if text.isascii() and text.isprintable():
        return None
    for char in text:
        if char not in allow and not _usable(char):
            return f"U+{ord(char):04X}"
    return None


def is_visible(text: str) -> bool:
    """Return whether the text has a visible letter, number or sign, not only marks."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in _UNSEEN for char in text)


def cleaned(text: str) -> str:
    """Return a text of a known alphabet without what pasting adds.

    Invisible characters and surrounding blanks are removed. Blanks of all kinds become spaces, hyphens of all kinds
    `-`, and full-width letters, digits and signs plain ones.
    """
    if text.isascii() or len(text) > _LONGEST_KNOWN:
        return text.strip()
    return "".join(map(_plain, text)).strip()


def tidied(text: str) -> str:
    """Return words of any language with single spaces for blanks of all kinds, and without pasted marks of direction.

    Everything else stays, for `unusable` to report. The result is not composed.
    """
    return re.sub(" {2,}", " ", "".join(map(_tidy, text)).strip(_AROUND))


def trimmed(text: str) -> str:
    """Return a text without surrounding blanks and pasted marks."""
    return text.strip(_AROUND)


def storable(text: str) -> str:
    """Return a text that PostgreSQL can store: without NUL, and with a question mark for each lone surrogate."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def search_form(text: str) -> str:
    """Return a text as searches compare it, without case and accents: jose finds José. sql/schema.sql does the same."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char.lower() for char in decomposed if not "\u0300" <= char <= "\u036f").translate(_LETTERS)


def names_address(text: str) -> bool:
    """Return whether a mail program would turn part of the text into a link. Check the length before: it composes."""
    text = unicodedata.normalize("NFKC", text).replace("\u3002", ".").lower()
    if any(sign in text for sign in ("://", "www.", "\\\\")) or _MAIL_OR_NUMBERS.search(text):
        return True
    return any(_is_domain(found[1], path=bool(found[2])) for found in _HOST.finditer(text))


def _is_domain(host: str, *, path: bool) -> bool:
    """Return whether a host is a domain such as evil.com, and not a name such as J.R.R. Tolkien, Dr.Li or Prof.Kim."""
    *labels, ending = host.strip(".-").split(".")
    longest = max((len(label) for label in labels if label not in _TITLES), default=0)
    if longest < 2 or len(ending) < 2:
        return False
    return path or ending in _ENDINGS or (len(ending) == 2 and longest > 2)


def terminal_json(text: str) -> str:
    """Return equal JSON text in which characters that a terminal would obey or hide are escaped."""
    return text if text.isascii() else _HIDDEN.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


@lru_cache(maxsize=4096)
def _usable(char: str) -> bool:
    category = unicodedata.category(char)
    if category == "Cf":
        return char in _JOINERS or char in _VISIBLE_FORMATS
    return char not in _MISLEADING and category not in ("Cc", "Cs")


@lru_cache(maxsize=4096)
def _plain(char: str) -> str:
    if char.isascii():
        return char
    category = unicodedata.category(char)
    if category == "Zs" or char in _BLANKS:
        return " "
    if category == "Cf" or char in _UNSEEN or "\ufe00" <= char <= "\ufe0f":
        return ""
    if char in _HYPHENS:
        return "-"
    if unicodedata.decomposition(char).startswith(_FORMS):
        return unicodedata.normalize("NFKC", char)
    return char


@lru_cache(maxsize=4096)
def _tidy(char: str) -> str:
    if char in _BLANKS or unicodedata.category(char) == "Zs":
        return " "
    return "" if char in _PASTED else char
