"""Catalog files, as CSV and as JSON: read whole before anything of them is used, and written so that they read back."""

from __future__ import annotations

import csv
import io
import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import itemgetter
from typing import TypeVar

from checkout_daemon.catalog.cart import Product
from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.catalog.rows import (
    DISCOUNT_FIELDS,
    PRODUCT_FIELDS,
    discount_cells,
    product_cells,
    read_discount,
    read_product,
)
from checkout_daemon.errors import CheckoutError
from checkout_daemon.model.text import cleaned, terminal_json

_BLANK = re.compile(r"\s*")
_SEPARATOR = re.compile(r"""(?P<quote>"?)sep=(?P<sign>[;,\t|])(?P=quote)[ ;,\t]*(?:\r\n?|\n|\Z)""", re.IGNORECASE)
_PRODUCTS, _DISCOUNTS = "products", "discounts"

T = TypeVar("T")
_Faults = list[tuple[int, str]]  # each with its line


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """In the order of the file, which is the order of display."""

    products: tuple[Product, ...] = ()
    discounts: tuple[Discount, ...] = ()


class CatalogRejected(CheckoutError):
    """A catalog file has faults, and nothing of it was used. `faults`: a line of text for each, with its place."""

    code = "invalid_catalog"
    status = 422
    exit_code = 2
    title = "The catalog file has faults"

    def __init__(self, source: str, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(f"{source}, {fault}" for fault in faults))


@dataclass(frozen=True, slots=True)
class _Row:
    kind: str
    line: int
    values: Mapping[str, object]


def parse_catalog(text: str, *, discounts: bool = False, source: str = "catalog") -> CatalogFile:
    """Read JSON (an object with `products` and `discounts`, or a list) or CSV (with a header line).

    `discounts`: whether a CSV or a list holds those instead of products. Raises CatalogRejected with every fault.
    """
    kind = _DISCOUNTS if discounts else _PRODUCTS
    text = text.removeprefix("\ufeff")
    faults: _Faults = []
    is_json = text.lstrip()[:1] in ("{", "[")
    rows = list(_json_rows(text, kind, faults) if is_json else _csv_rows(text, kind, faults))
    products = _read_all(rows, _PRODUCTS, read_product, lambda product: product.sku, faults)
    found = _read_all(rows, _DISCOUNTS, read_discount, lambda discount: discount.code, faults)
    if not text.strip():
        faults.append((1, "there is nothing in it"))
    if faults:
        raise CatalogRejected(source, [f"line {line}: {fault}" for line, fault in sorted(faults, key=itemgetter(0))])
    return CatalogFile(products, found)


def csv_text(catalog: CatalogFile, *, discounts: bool) -> str:
    """The products, or the discounts, with a header line."""
    out = io.StringIO()
    writer = csv.DictWriter(out, DISCOUNT_FIELDS if discounts else PRODUCT_FIELDS, lineterminator="\n")
    writer.writeheader()
    if discounts:
        writer.writerows(discount_cells(each) for each in catalog.discounts)
    else:
        writer.writerows(product_cells(each) for each in catalog.products)
    return out.getvalue()


def json_text(catalog: CatalogFile, *, discounts: bool) -> str:
    """`{"products": […]}`, or `{"discounts": […]}`."""
    document = (
        {_DISCOUNTS: [discount_object(each) for each in catalog.discounts]}
        if discounts
        else {_PRODUCTS: [product_object(each) for each in catalog.products]}
    )
    return terminal_json(json.dumps(document, ensure_ascii=False, indent=2)) + "\n"


def product_object(product: Product) -> dict[str, object]:
    """As in /api/products."""
    return product_cells(product) | {
        "image_url": product.image_url,
        "unit_amount": product.unit_amount,
        "available": product.available,
    }


def discount_object(discount: Discount) -> dict[str, object]:
    """What is not set is left out; the percentage is text, so that no reader makes a float of it."""
    numbers = {
        "amount_off": discount.amount_off,
        "minimum_subtotal": discount.minimum_subtotal,
        "redemption_limit": discount.redemption_limit,
    }
    return {name: numbers.get(name, cell) for name, cell in discount_cells(discount).items() if cell}


def _read_all(
    rows: Iterable[_Row],
    kind: str,
    read: Callable[[Mapping[str, object]], tuple[T | None, list[str]]],
    key_of: Callable[[T], str],
    faults: _Faults,
) -> tuple[T, ...]:
    first: dict[str, int] = {}
    found: list[T] = []
    for row in rows:
        if row.kind != kind:
            continue
        item, wrong = read(row.values)
        faults += [(row.line, fault) for fault in wrong]
        if item is None:
            continue
        held = first.setdefault(key_of(item), row.line)
        if held != row.line:
            faults.append((row.line, f"{key_of(item)} stands on line {held} already"))
        found.append(item)
    return tuple(found)


def _csv_rows(text: str, kind: str, faults: _Faults) -> Iterator[_Row]:
    text, delimiter, skipped = _delimited(text)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1 + skipped
    try:
        for cells in reader:
            start, line = line, reader.line_num + 1 + skipped
            if not any(cleaned(cell) for cell in cells):
                continue
            if header is None:
                header = [cleaned(cell).lower() for cell in _without_empty_ends(cells, 0)]
                if wrong := _header_faults(header, DISCOUNT_FIELDS if kind == _DISCOUNTS else PRODUCT_FIELDS):
                    faults += [(start, fault) for fault in wrong]
                    return
            elif len(cells := _without_empty_ends(cells, len(header))) != len(header):
                faults.append((start, f"{len(cells)} cells, but the header has {len(header)}"))
            else:
                yield _Row(kind, start, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        faults.append((line, f"this is not CSV: {error}"))


def _without_empty_ends(cells: list[str], least: int) -> list[str]:
    """Return the cells without those that spreadsheets add at the end, where a sheet once had more columns."""
    most = len(cells)
    while most > least and not cleaned(cells[most - 1]):
        most -= 1
    return cells[:most]


def _delimited(text: str) -> tuple[str, str, int]:
    """Return the text without a first line `sep=;`, the sign between its cells, and how many lines were left out.

    Such a line, which spreadsheets read and some programs write, names the sign.
    """
    if named := _SEPARATOR.match(text):
        return text[named.end() :], named["sign"], 1
    header_line = text.lstrip(" \r\n").splitlines()[:1]
    # Spreadsheets write semicolons where the comma is the decimal sign, and tabs as "Unicode text".
    return text, max(",;\t", key="".join(header_line).count), 0


def _header_faults(header: Sequence[str], fields: Sequence[str]) -> list[str]:
    unknown = [
        f"unknown column {ascii(name)[:60]}; there are {', '.join(fields)}" for name in header if name not in fields
    ]
    return unknown + [f"the column {name} stands there twice" for name in fields if header.count(name) > 1]


def _json_rows(text: str, kind: str, faults: _Faults) -> Iterator[_Row]:
    decoder = json.JSONDecoder(parse_float=Decimal)
    try:
        decoder.decode(text)
    except json.JSONDecodeError as error:
        faults.append((error.lineno, f"this is not JSON: {error.msg}"))
        return
    except (RecursionError, ValueError):  # ValueError: a number of thousands of digits
        faults.append((1, "this is not JSON that a catalog can be"))
        return
    # Read a second time, item by item: only so is it known where each one stands.
    breaks = [found.start() for found in re.finditer("\n", text)]
    at = _skip(text, 0)
    if text[at] == "[":
        yield from _json_list(decoder, text, at, breaks, kind, faults)
        return
    at = _skip(text, at + 1)
    while text[at] != "}":
        name, end = decoder.raw_decode(text, at)
        line = _line(breaks, at)
        at = _skip(text, _skip(text, end) + 1)
        _, end = decoder.raw_decode(text, at)
        if name not in (_PRODUCTS, _DISCOUNTS):
            faults.append((line, f"unknown field {ascii(name)[:60]}; there are {_PRODUCTS} and {_DISCOUNTS}"))
        elif text[at] != "[":
            faults.append((line, f"{name} must be a list"))
        else:
            yield from _json_list(decoder, text, at, breaks, name, faults)
        at = _after_comma(text, end)


def _json_list(
    decoder: json.JSONDecoder, text: str, at: int, breaks: list[int], kind: str, faults: _Faults
) -> Iterator[_Row]:
    at = _skip(text, at + 1)
    while text[at] != "]":
        value, end = decoder.raw_decode(text, at)
        if isinstance(value, dict):
            yield _Row(kind, _line(breaks, at), value)
        else:
            faults.append((_line(breaks, at), f"{kind} must hold objects"))
        at = _after_comma(text, end)


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()


def _after_comma(text: str, at: int) -> int:
    at = _skip(text, at)
    return _skip(text, at + 1) if text[at] == "," else at


def _line(breaks: list[int], at: int) -> int:
    return bisect_left(breaks, at) + 1
