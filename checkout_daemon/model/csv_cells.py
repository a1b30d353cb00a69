"""Cells of CSV files that no spreadsheet takes for formulas: https://owasp.org/www-community/attacks/CSV_Injection."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

_PHONE = re.compile(r"\+[0-9]+")
_BREAKS = re.compile(r"[\t\r\n]+")
_GUARD = "'"
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")  # those that begin with apostrophes too, so that reading removes one


def guarded(text: str) -> str:
    """Return the text with an apostrophe in front if a spreadsheet would take it for a formula."""
    return f"{_GUARD}{text}" if _FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """Return the text that `guarded` was given."""
    return text[1:] if text.startswith(_GUARD) and _FORMULA.match(text) else text


def cell(value: Any) -> str:
    """Return a value as text; a list of texts with blanks between them, and what is nested otherwise as JSON.

    Customers choose their names, so a name must not become a formula.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, (list, tuple)) and all(isinstance(part, str) for part in value):
        return " ".join(map(cell, value))
    if isinstance(value, str):
        return value if _PHONE.fullmatch(value) else guarded(value)
    if isinstance(value, (int, float, Decimal)):
        return str(value)
    import msgspec

    return msgspec.json.encode(value).decode()


def csv_text(lines: Iterable[Iterable[str]]) -> str:
    """Return lines of cells as CSV."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(lines)
    return written.getvalue()


def tsv_text(lines: Iterable[Iterable[str]]) -> str:
    """Return lines of cells separated by tabs, for programs that know no quotes: a break in a cell becomes a blank."""
    return "".join("\t".join(_BREAKS.sub(" ", text) for text in line) + "\n" for line in lines)
