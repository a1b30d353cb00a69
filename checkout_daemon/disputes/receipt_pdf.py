"""A receipt as PDF, with fpdf2 (the extra `pdf`), which is imported when one is made.

The fonts that every PDF reader has know Western European letters only. For others a font of this machine is embedded,
as far as it has them; none ships with the program. Letters that are written from the right, or change with their
neighbours, need uharfbuzz as well.
"""

from __future__ import annotations

import logging
import struct
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from checkout_daemon.disputes.receipt import Receipt, ReceiptRow
from checkout_daemon.errors import CheckoutError

FONTS = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/google-noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/noto/NotoSans-Regular.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/Library/Fonts/Arial Unicode.ttf",
    "/System/Library/Fonts/Supplemental/Arial Unicode.ttf",
    "C:/Windows/Fonts/arial.ttf",
)
"""Where systems have fonts with many alphabets, in the sequence in which they are tried."""
_BUILT_IN, _OWN = "Helvetica", "receipt"
_BUILT_IN_LETTERS = "cp1252"
_LINE, _AMOUNT = 6, 38  # millimetres
# Hebrew to Arabic and their presentation forms; Devanagari to Sinhala; Tibetan and Burmese; Khmer and Mongolian
_SHAPED = ((0x590, 0x8FF), (0xFB1D, 0xFDFF), (0xFE70, 0xFEFE), (0x900, 0xDFF), (0xF00, 0x109F), (0x1780, 0x18AF))


class ReceiptNotMade(CheckoutError, code="receipt_not_made", status=500, title="The receipt cannot be made as PDF"):
    """The library for PDF cannot write the receipt, or cannot read the font of this machine."""


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """A PDF. `lost` are the characters that are shown as a question mark; those of `unshaped` need uharfbuzz."""

    content: bytes
    lost: str = ""
    unshaped: str = ""

    @property
    def remark(self) -> str:
        """Return which characters are shown as question marks and what helps, or ""."""
        remarks = []
        if without_font := "".join(letter for letter in self.lost if letter not in self.unshaped):
            remarks.append(f"no font here has {without_font}: install one, such as DejaVu Sans")
        if self.unshaped:
            remarks.append(f"{self.unshaped} cannot be shown without uharfbuzz: pip install uharfbuzz")
        return "; ".join(remarks)


def can_make_pdf() -> bool:
    """Return whether fpdf2 is installed."""
    return find_spec("fpdf") is not None


def can_shape() -> bool:
    """Return whether uharfbuzz is installed, which joins Arabic letters and places Indian ones."""
    return find_spec("uharfbuzz") is not None


def receipt_file(receipt: Receipt) -> ReceiptFile | None:
    """Return the receipt as PDF, or None if fpdf2 is not installed. Raise ReceiptNotMade."""
    return receipt_pdf(receipt) if can_make_pdf() else None


def receipt_pdf(receipt: Receipt, fonts: Iterable[str] = FONTS) -> ReceiptFile:
    """Return the receipt as PDF; the same receipt has the same bytes on one machine. `can_make_pdf` must be true.

    Raise ReceiptNotMade.
    """
    # The library's own notes about fonts are for those who write PDFs.
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    from fontTools.ttLib import TTLibError
    from fpdf.errors import FPDFException

    try:
        return _made(receipt, fonts)
    except (FPDFException, TTLibError, OSError, ValueError, LookupError, struct.error) as error:
        raise ReceiptNotMade(
            f"the receipt cannot be made as PDF ({type(error).__name__}): leave it out with --no-receipt"
        ) from error


def _made(receipt: Receipt, fonts: Iterable[str]) -> ReceiptFile:
    from fpdf import FPDF

    texts = "".join(_texts(receipt))
    blanks = {letter for letter in texts if letter.isspace()}  # fonts have the plain one for certain
    lost = {letter for letter in texts if not _is_built_in(letter)} - blanks
    shaped = {letter for letter in lost if _needs_shaping(letter)}
    unshaped = set() if can_shape() else shaped
    lost -= unshaped
    font = None
    if lost:
        best = min(((lost - _letters(path), path) for path in fonts if Path(path).is_file()), key=_fewest, default=None)
        if best is not None and len(best[0]) < len(lost):
            lost, font = best
    pdf: Any = FPDF(format="A4")
    pdf.core_fonts_encoding = _BUILT_IN_LETTERS
    pdf.set_creation_date(receipt.made_at)
    shown = str.maketrans(dict.fromkeys(blanks, " "))
    pdf.set_title(receipt.title.translate(shown))
    pdf.set_auto_page_break(True, margin=20)
    pdf.add_page()
    family = _BUILT_IN
    if font is not None:
        pdf.add_font(_OWN, fname=font)
        family = _OWN
    if font is not None and shaped - unshaped - lost:
        pdf.set_text_shaping(True)
    lost |= unshaped
    shown |= str.maketrans(dict.fromkeys(lost, "?"))
    _draw(pdf, receipt, family, shown)
    return ReceiptFile(bytes(pdf.output()), "".join(sorted(lost)), "".join(sorted(unshaped)))


def _draw(pdf: Any, receipt: Receipt, family: str, shown: dict[int, str]) -> None:
    from fpdf.enums import Align, XPos, YPos

    def line(text: str) -> None:
        pdf.multi_cell(0, _LINE, text.translate(shown), align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def row(row: ReceiptRow) -> None:
        width = pdf.epw - _AMOUNT
        text, amount = row.text.translate(shown), row.amount.translate(shown)
        lines = pdf.multi_cell(width, _LINE, text, align=Align.L, dry_run=True, output="LINES")
        if pdf.will_page_break(_LINE * len(lines)):
            pdf.add_page()
        top = pdf.get_y()
        pdf.multi_cell(width, _LINE, text, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        bottom = pdf.get_y()
        pdf.set_xy(pdf.l_margin + width, top)
        pdf.cell(_AMOUNT, _LINE, amount, align=Align.R)
        pdf.set_xy(pdf.l_margin, bottom)

    pdf.set_font(family, size=15)
    pdf.multi_cell(0, 9, receipt.title.translate(shown), align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_font(family, size=10)
    for text in receipt.seller:
        line(text)
    pdf.ln(_LINE)
    for name, value in receipt.facts:
        line(f"{name}: {value}")
    pdf.ln(_LINE)
    for item in receipt.items:
        row(item)
    pdf.line(pdf.l_margin, pdf.get_y() + 2, pdf.l_margin + pdf.epw, pdf.get_y() + 2)
    pdf.ln(4)
    for total in receipt.totals:
        row(total)


def _texts(receipt: Receipt) -> Iterable[str]:
    yield receipt.title
    yield from receipt.seller
    for name, value in receipt.facts:
        yield from (name, value)
    for row in (*receipt.items, *receipt.totals):
        yield from (row.text, row.amount)


def _needs_shaping(letter: str) -> bool:
    """Return whether a letter is written from the right, or changes with its neighbours. Digits do neither."""
    if unicodedata.category(letter) == "Nd":
        return False
    from_right = unicodedata.bidirectional(letter) in ("R", "AL")
    return from_right or any(first <= ord(letter) <= last for first, last in _SHAPED)


def _is_built_in(letter: str) -> bool:
    try:
        letter.encode(_BUILT_IN_LETTERS)
    except UnicodeEncodeError:
        return False
    return True


def _fewest(found: tuple[set[str], str]) -> int:
    return len(found[0])


@cache
def _letters(path: str) -> frozenset[str]:
    """Return the letters that a font has; none if it cannot be read."""
    from fontTools.ttLib import TTFont, TTLibError

    try:
        with TTFont(path, lazy=True) as font:
            return frozenset(map(chr, font.getBestCmap() or {}))
    except (TTLibError, OSError):
        return frozenset()
