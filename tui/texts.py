"""Text that fits the terminal UI: shortened, masked, wrapped, or drawn as a QR code."""

from __future__ import annotations

import re

from rich.cells import cell_len, chop_cells, set_cell_size

from checkout_daemon.errors import InvalidRequest
from checkout_daemon.model.money import exponent
from checkout_daemon.model.text import cleaned
from checkout_daemon.model.typed_money import TypedMoney, read_money
from checkout_daemon.present.text import masked

_ID_ROOM = 40
_LEAST_ROOM = 20
_LONG_ID = re.compile(r"\b[a-z]+_\w{40,}")
_WHOLE = re.compile(r"\d{1,12}")
_EMAIL = re.compile(r"[^\s\"':@-][^\s\"':@]*@[^\s\"']+")


def short_id(text: str) -> str:
    """Shorten an id to fit on a line. Ids of sessions have 66 characters."""
    return text if len(text) <= _ID_ROOM else f"{text[:20]}…{text[-10:]}"


def with_short_ids(text: str) -> str:
    """Return a sentence whose long ids are shortened, as short_id does."""
    return _LONG_ID.sub(lambda found: short_id(found[0]), text)


def masked_digits(text: str) -> str:
    """Return only the last two digits of a phone number."""
    return f"••••{text[-2:]}"


def masked_emails(text: str) -> str:
    """Return a text with only the first letters of the email addresses in it."""
    return _EMAIL.sub(lambda found: masked(found[0]), text)


def fit(text: str, width: int) -> str:
    """Pad or cut text to exactly `width` cells; cut text ends with an ellipsis."""
    if width <= 0:
        return ""
    return set_cell_size(text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…", width)


def hanging(text: str, indent: str, width: int, *, first: str | None = None) -> str:
    """Wrap text to a width with every line indented; the first line starts with `first` instead, if given."""
    first = indent if first is None else first
    room = width - len(indent)
    if cell_len(text) <= room or room < _LEAST_ROOM:
        return first + text
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= room:
            line = longer
            continue
        *whole, line = ([line] if line else []) + (chop_cells(word, room) or [""])
        lines += whole
    lines.append(line)
    return first + f"\n{indent}".join(lines)


def minor_units(text: str, currency: str) -> int | None:
    """Parse money such as 12, 12.50, 12,50 or €12.50 into minor units, or return None.

    The decimals must be as many as the currency has, so that 1,000 or 1.000 in euros is never read as one.
    """
    text = cleaned(text)
    typed = TypedMoney(text, "", text, "") if _WHOLE.fullmatch(text) else read_money(text)
    try:
        return None if typed is None else typed.minor_units(currency)
    except InvalidRequest:
        return None


def amount_fault(text: str, currency: str) -> str:
    """Return why minor_units cannot parse a text, with what to write."""
    decimals = exponent(currency)
    example = f"1250.{'0' * decimals}" if decimals else "1250"
    return f"{text!r} is not an amount in {currency.upper()}: write it like {example}"


def qr_code(text: str) -> str:
    """Return a QR code with a margin, two modules per character, dark on light."""
    import segno

    rows = [[bool(module) for module in row] for row in segno.make(text, error="l", micro=False).matrix_iter(border=1)]
    rows += [[False] * len(rows[0])] * (len(rows) % 2)
    halves = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    return "\n".join(
        "".join(halves[upper, lower] for upper, lower in zip(rows[index], rows[index + 1], strict=True))
        for index in range(0, len(rows), 2)
    )
