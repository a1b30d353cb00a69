"""Reads CSV as spreadsheets write it: with any delimiter, a first line that names it, and empty cells at the ends."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from checkout_daemon.model.text import cleaned

_SEPARATOR = re.compile(r"""(?P<quote>"?)sep=(?P<sign>[;,\t|])(?P=quote)[ ;,\t]*(?:\r\n?|\n|\Z)""", re.IGNORECASE)


class NotCsv(Exception):
    """A text is not CSV. `line` is that of the row with the fault."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(f"this is not CSV: {why}")
        self.line = line


def sheet_rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a text that are not empty, each with the line in which it begins.

    The first one is the header; it is empty if the text is. Empty cells after its last column are left out. Raise
    NotCsv.
    """
    text, delimiter, skipped = _delimited(text.removeprefix("\ufeff"))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    width, line = 0, 1 + skipped
    try:
        for row in reader:
            begin, line = line, reader.line_num + 1 + skipped
            if any(map(cleaned, row)):
                cells = _without_empty_ends(row, width)
                width = width or len(cells)
                yield begin, cells
    except csv.Error as error:
        raise NotCsv(line, str(error)) from error
    if not width:
        yield 1, []


def _delimited(text: str) -> tuple[str, str, int]:
    """Return the text, its delimiter, and the number of lines left out: a first line such as `sep=;` names one."""
    if named := _SEPARATOR.match(text):
        return text[named.end() :], named["sign"], 1
    header_line = text.lstrip(" \r\n").splitlines()[:1]
    # Spreadsheets write semicolons where the comma is the decimal sign, and tabs as "Unicode text".
    return text, max(",;\t", key="".join(header_line).count), 0


def _without_empty_ends(cells: list[str], least: int) -> list[str]:
    """Return the cells without those that spreadsheets add at the end, where a sheet once had more columns."""
    most = len(cells)
    while most > least and not cleaned(cells[most - 1]):
        most -= 1
    return cells[:most]
