"""What the values of a filter stand for: amounts of money, phone numbers, and the words of a search."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from checkout_daemon.model.text import search_form
from checkout_daemon.orders.order_filter import EXPONENTS, Amounts, Range, Word

_MONEY = r"\d{1,12}(?:[.,]\d{1,3})?"
_COMPARED = re.compile(rf"(>=|<=|>|<|=)?({_MONEY})")
_BETWEEN = re.compile(rf"({_MONEY})?\.\.({_MONEY})?")
_AMOUNT = re.compile(rf"[€$£]?({_MONEY})[€$£]?")
_PHONE = re.compile(r"[+\d][\d ()/.-]*")
_SKU = re.compile(r"[a-z0-9._-]{3,64}")
_LAST4 = re.compile(r"\d{4}")
_SHORTEST_PHONE, _SHORTEST_PART = 4, 6  # digits
_PHONE_BEGIN = re.compile(r"-?(?:phone:)?(?:\+|0)\d[\d()/-]*", re.IGNORECASE)
_PHONE_GROUP = re.compile(r"\(?\d+\)?(?:[/-]\d+)*")
_LEAST_JOINED = 9  # digits of a number without a country's code: `0664 4242` may be a number and a card
_MOST_DIGITS = 17  # 15, and 00 before them


def amounts_of(values: tuple[str, ...]) -> Amounts | str:
    """Read any of `>50`, `<=9.90`, `20` and `20..30`, in the currency of each order. Return a fault in words."""
    ranges: list[list[Range]] = [[] for _ in EXPONENTS]
    for value in values:
        compared, between = _COMPARED.fullmatch(value), _BETWEEN.fullmatch(value)
        if compared is None and (between is None or value == ".."):
            return f"{value} is no amount"
        if between is not None and None not in between.groups() and _minor(between[1], 0) > _minor(between[2], 0):
            return (
                f"{value} contains no amount: its first one is the greater (did you mean {between[2]}..{between[1]}?)"
            )
        for found, places in zip(ranges, EXPONENTS, strict=True):
            if compared is not None:
                found += _compared(compared[1] or "=", _minor(compared[2], places))
            elif between is not None:
                low = None if between[1] is None else _ceiling(_minor(between[1], places))
                high = None if between[2] is None else _floor(_minor(between[2], places))
                found += [(low, high)] if low is None or high is None or low <= high else []
    return Amounts(tuple(map(tuple, ranges)))


def _compared(sign: str, amount: Decimal) -> list[Range]:
    match sign:
        case ">":
            return [(_floor(amount) + 1, None)]
        case ">=":
            return [(_ceiling(amount), None)]
        case "<":
            return [(None, _ceiling(amount) - 1)]
        case "<=":
            return [(None, _floor(amount))]
        case _:
            return [(int(amount), int(amount))] if amount == int(amount) else []


def _minor(text: str, places: int) -> Decimal:
    return Decimal(text.replace(",", ".")).scaleb(places)


def _floor(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_FLOOR))


def _ceiling(amount: Decimal) -> int:
    return int(amount.to_integral_value(ROUND_CEILING))


def join_phones(parts: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the parts of a text, each with its place, with the groups of a phone number as one part.

    A number that begins with + or 0 takes the groups of digits that follow, as in `+49 170 123`.
    """
    joined: list[tuple[int, str]] = []
    parts, at = list(parts), 0
    while at < len(parts):
        start, number = parts[at]
        end = at + 1
        if _PHONE_BEGIN.fullmatch(number):
            while end < len(parts) and _PHONE_GROUP.fullmatch(parts[end][1]):
                longer = f"{number} {parts[end][1]}"
                if _digits(longer) > _MOST_DIGITS:
                    break
                number, end = longer, end + 1
        if "+" not in number and _digits(number) < _LEAST_JOINED:
            number, end = parts[at][1], at + 1
        joined.append((start, number))
        at = end
    return joined


def _digits(text: str) -> int:
    return sum(char.isdecimal() for char in text)


def phone_globs(text: str) -> tuple[str, ...]:
    """Return globs of the digits of the numbers in E.164 that a number stands for; none if it has too few digits.

    `+43 664` and `0043664` begin with the country's code, `0664` follows one, and other digits may be anywhere.
    """
    digits = "".join(char for char in text if char.isdecimal())
    if len(digits) < _SHORTEST_PHONE:
        return ()
    if text.startswith(("+", "00")):
        return (f"{digits.removeprefix('00')}*",)
    if digits.startswith("0"):
        # The zero belongs to the number in some countries, such as Italy.
        return tuple(f"{'?' * code}{number}*" for number in (digits[1:], digits) for code in (1, 2, 3))
    return (f"*{digits}*",)


def word_of(text: str, ids: tuple[str, ...] = (), *, exact: bool = False) -> Word:
    """Return what a word of a search may stand for, besides the orders that it names. `exact`: nothing else."""
    if exact:
        return Word(ids=ids)
    form = search_form(text)
    digits = _digits(text)
    is_phone = _PHONE.fullmatch(text) is not None and (
        digits >= _SHORTEST_PART or (digits >= _SHORTEST_PHONE and text[0] in "+0")
    )
    amount = _AMOUNT.fullmatch(text)
    amounts = None if amount is None else amounts_of((amount[1],))
    return Word(
        text=form,
        ids=ids,
        phones=phone_globs(text) if is_phone else (),
        number="".join(char for char in text if char.isdecimal()).lstrip("0") if is_phone else "",
        sku=f"{form}*" if _SKU.fullmatch(form) else "",
        last4=text if _LAST4.fullmatch(text) else "",
        amounts=amounts if isinstance(amounts, Amounts) else None,
    )
