"""What the values of a filter stand for: amounts of money, phone numbers, and the words of a search."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from checkout_daemon.model.text import cleaned, search_form
from checkout_daemon.orders.order_filter import EXPONENTS, Amounts, Range, Word

_MONEY = r"\d{1,12}(?:[.,]\d{1,3})?"
_COMPARED = re.compile(rf"(>=|<=|>|<|=)?({_MONEY})")
_BETWEEN = re.compile(rf"({_MONEY})?\.\.({_MONEY})?")
_AMOUNT = re.compile(rf"[€$£]?({_MONEY})[€$£]?")
_THOUSAND = re.compile(r"([1-9]\d{0,11})[.,]000(?!\d)")
_ZEROS = re.compile(r"(?:^|[<>=]|\.\.)0\d")  # the second part of 1,000, where a comma separates values
_PHONE = re.compile(r"\(?[+\d][\d ()/.-]*")
_ABROAD = re.compile(r"\(?(?:\+|00)")
_TRUNK_ZERO = re.compile(r"\( ?0 ?\)(?=.*\d)")  # as in +43 (0)664: it is dialed within the country
_SKU = re.compile(r"[a-z0-9._-]{3,64}")
_LAST4 = re.compile(r"\d{4}")
_SHORTEST_PHONE, _SHORTEST_PART = 4, 6  # digits
_PHONE_BEGIN = re.compile(r"-?(?:phone:)?(?:\+|0|\(\+?)\d[\d()/-]*", re.IGNORECASE)
_PHONE_GROUP = re.compile(r"(?:/ ?|- )?\(?\d+(?:\)\d*)?(?:[/-]\d+)*[/-]?")
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


def unclear_amount(value: str) -> str | None:
    """Return why a value of `amounts_of` may mean a thousand and would be read as one, in words, or None."""
    if thousand := _THOUSAND.search(value):
        one = thousand[1]
        return f"{value} is not clear: write {one}000 for thousands, or {one}"
    if _ZEROS.search(value):
        return f"{value} begins with zeros: write thousands without a comma, and other amounts without these zeros"
    return None


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

    A number that begins with +, 0 or ( takes the groups of digits that follow, as in `+49 170 123`, also after a lone
    sign, as in `0664 / 123 45 67`.
    """
    joined: list[tuple[int, str]] = []
    parts, at = list(parts), 0
    while at < len(parts):
        start, part = parts[at]
        number, end = cleaned(part), at + 1
        if _PHONE_BEGIN.fullmatch(number):
            group, after = _next_group(parts, end)
            while group and _digits(number) + _digits(group) <= _MOST_DIGITS:
                number, end = f"{number} {group}", after
                group, after = _next_group(parts, end)
        if "+" not in number and _digits(number) < _LEAST_JOINED:
            end = at + 1
        joined.append((start, part if end == at + 1 else number))
        at = end
    return joined


def _next_group(parts: list[tuple[int, str]], at: int) -> tuple[str, int]:
    """Return the group of digits at a place, with a sign that stands alone before it, and the place after it."""
    words = [cleaned(part) for _, part in parts[at : at + 2]]
    for count in range(1, len(words) + 1):
        group = " ".join(words[:count])
        if _PHONE_GROUP.fullmatch(group):
            return group, at + count
    return "", at


def _digits(text: str) -> int:
    return len(_digits_of(text))


def _digits_of(text: str) -> str:
    return "".join(char for char in text if char.isdecimal())


def phone_globs(text: str) -> tuple[str, ...]:
    """Return globs of the digits of the numbers in E.164 that a number stands for; none if it has too few digits.

    `+43 664`, `+43 (0)664` and `0043664` begin with the country's code, `0664` follows one, and other digits may be
    anywhere.
    """
    text = cleaned(text)
    digits = _digits_of(text)
    if len(digits) < _SHORTEST_PHONE:
        return ()
    # The zero belongs to the number in some countries, such as Italy.
    if _ABROAD.match(text):
        numbers = (_digits_of(_TRUNK_ZERO.sub("", text, count=1)), digits)
        return tuple(dict.fromkeys(f"{number.removeprefix('00')}*" for number in numbers))
    if digits.startswith("0"):
        return tuple(f"{'?' * code}{number}*" for number in (digits[1:], digits) for code in (1, 2, 3))
    return (f"*{digits}*",)


def word_of(text: str, ids: tuple[str, ...] = (), *, exact: bool = False) -> Word:
    """Return what a word of a search may stand for, besides the orders that it names. `exact`: nothing else."""
    if exact:
        return Word(ids=ids)
    form, phone = search_form(text), cleaned(text)
    digits = _digits(phone)
    is_phone = _PHONE.fullmatch(phone) is not None and (
        digits >= _SHORTEST_PART or (digits >= _SHORTEST_PHONE and phone.lstrip("(")[0] in "+0")
    )
    amount = _AMOUNT.fullmatch(text)
    amounts = None if amount is None else amounts_of((amount[1],))
    return Word(
        text=form,
        ids=ids,
        phones=phone_globs(phone) if is_phone else (),
        number=_digits_of(_TRUNK_ZERO.split(phone)[-1]).lstrip("0") if is_phone else "",
        domain=_stored_domain(text),
        sku=f"{form}*" if _SKU.fullmatch(form) else "",
        last4=text if _LAST4.fullmatch(text) else "",
        amounts=amounts if isinstance(amounts, Amounts) else None,
    )


def _stored_domain(text: str) -> str:
    """Return part of an email whose domain is not ASCII as it is stored, or the empty text."""
    if text.isascii() or not ("." in text or "@" in text):
        return ""
    from checkout_daemon.model.customer import domain_form  # slow to import

    return domain_form(text).lower()
