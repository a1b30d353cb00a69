"""Catalog files in CSV and JSON: checked whole before anything is used, and written so that they read back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from operator import attrgetter, itemgetter
from typing import Any, Literal, NamedTuple, TypeVar

from checkout_daemon.catalog.cart import Product
from checkout_daemon.catalog.pricing import Discount
from checkout_daemon.catalog.rows import as_cells, columns_of, discount_object, read_discount, read_product
from checkout_daemon.errors import CheckoutError
from checkout_daemon.model.csv_cells import guarded, unguarded
from checkout_daemon.model.spreadsheets import NotCsv, sheet_rows
from checkout_daemon.model.text import cleaned, terminal_json

_DECODER = json.JSONDecoder(parse_float=Decimal)

T = TypeVar("T")
_Kind = Literal["products", "discounts"]
_Faults = list[tuple[int, str]]  # with the line of each


@dataclass(frozen=True, slots=True)
class CatalogFile:
    """The products, in display order, and the discounts of one file."""

    products: tuple[Product, ...] = ()
    discounts: tuple[Discount, ...] = ()


class CatalogRejected(CheckoutError):
    """A catalog file has faults, and nothing of it was used. `faults` has one text for each, with its line."""

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


class _Value(NamedTuple):
    line: int
    at: int
    content: Any


def parse_catalog(text: str, *, discounts: bool = False, source: str = "catalog") -> CatalogFile:
    """Read JSON (an object with `products` and `discounts`, or a list) or CSV (with a header line).

    `discounts` states whether a CSV or a list holds those instead of products. Raise CatalogRejected with every fault.
    """
    kind: _Kind = "discounts" if discounts else "products"
    text = text.removeprefix("\ufeff")
    faults: _Faults = []
    is_json = text.lstrip()[:1] in ("{", "[")
    rows = list(_json_rows(text, kind, faults) if is_json else _csv_rows(text, kind, faults))
    catalog = CatalogFile(
        _read_all(rows, "products", read_product, attrgetter("sku"), faults),
        _read_all(rows, "discounts", read_discount, attrgetter("code"), faults),
    )
    if not text.strip():
        faults.append((1, "the file is empty"))
    if faults:
        raise CatalogRejected(source, [f"line {line}: {fault}" for line, fault in sorted(faults, key=itemgetter(0))])
    return catalog


def csv_text(catalog: CatalogFile, *, discounts: bool) -> str:
    """Return the products, or the discounts, with a header line and nothing that a spreadsheet takes for a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns_of(Discount if discounts else Product), lineterminator="\n")
    writer.writeheader()
    for item in catalog.discounts if discounts else catalog.products:
        writer.writerow({name: guarded(cell) for name, cell in as_cells(item).items()})
    return out.getvalue()


def json_text(catalog: CatalogFile, *, discounts: bool) -> str:
    """Return `{"products": […]}`, or `{"discounts": […]}`."""
    document = (
        {"discounts": list(map(discount_object, catalog.discounts))}
        if discounts
        else {"products": list(map(asdict, catalog.products))}
    )
    return terminal_json(json.dumps(document, ensure_ascii=False, indent=2)) + "\n"


def _read_all(
    rows: Iterable[_Row],
    kind: _Kind,
    read: Callable[[Mapping[str, object]], tuple[T | None, list[str]]],
    key_of: Callable[[T], str],
    faults: _Faults,
) -> tuple[T, ...]:
    lines: dict[str, int] = {}
    items: list[T] = []
    for row in rows:
        if row.kind != kind:
            continue
        item, row_faults = read(row.values)
        faults += [(row.line, fault) for fault in row_faults]
        if item is None:
            continue
        if first_line := lines.get(key_of(item)):
            faults.append((row.line, f"duplicate {key_of(item)}, first on line {first_line}"))
        else:
            lines[key_of(item)] = row.line
            items.append(item)
    return tuple(items)


def _csv_rows(text: str, kind: _Kind, faults: _Faults) -> Iterator[_Row]:
    rows = sheet_rows(text)
    try:
        begin, names = next(rows)
        header = [cleaned(name).lower() for name in names]
        if header_faults := _header_faults(header, columns_of(Discount if kind == "discounts" else Product)):
            faults += [(begin, fault) for fault in header_faults]
            return
        for line, cells in rows:
            if len(cells) != len(header):
                faults.append((line, f"{len(cells)} cells, but the header has {len(header)}"))
            else:
                yield _Row(kind, line, dict(zip(header, map(unguarded, cells), strict=True)))
    except NotCsv as error:
        faults.append((error.line, str(error)))


def _header_faults(header: Sequence[str], columns: Sequence[str]) -> list[str]:
    known = ", ".join(columns)
    unknown = [f"unknown column {ascii(name)[:60]}; there are {known}" for name in header if name not in columns]
    return unknown + [f"duplicate column {name}" for name in columns if header.count(name) > 1]


def _json_rows(text: str, kind: _Kind, faults: _Faults) -> Iterator[_Row]:
    try:
        document = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        faults.append((error.lineno, f"this is not JSON: {error.msg}"))
        return
    except (RecursionError, ValueError):  # ValueError: a number of thousands of digits
        faults.append((1, "this JSON is nested too deeply or has a number that is too long"))
        return
    # Decode a second time, value by value, to know their lines.
    start = len(text) - len(text.lstrip())
    whole = _Value(text.count("\n", 0, start) + 1, start, document)
    if isinstance(document, list):
        yield from _objects(text, whole, kind, faults)
        return
    names_and_values = _values(text, whole)
    for (line, _, name), value in zip(names_and_values, names_and_values, strict=True):
        if name not in ("products", "discounts"):
            faults.append((line, f"unknown field {ascii(name)[:60]}; there are products and discounts"))
        elif not isinstance(value.content, list):
            faults.append((line, f"{name} must be a list"))
        else:
            yield from _objects(text, value, name, faults)


def _objects(text: str, array: _Value, kind: str, faults: _Faults) -> Iterator[_Row]:
    for line, _, content in _values(text, array):
        if isinstance(content, dict):
            yield _Row(kind, line, content)
        else:
            faults.append((line, f"{kind} must hold objects"))


def _values(text: str, container: _Value) -> Iterator[_Value]:
    """Yield the values in an array or object of valid JSON, with the names of an object each before its value."""
    line, at = container.line, container.at + 1
    while True:
        while text[at] in " \t\r\n,:":
            line += text[at] == "\n"
            at += 1
        if text[at] in "]}":
            return
        content, end = _DECODER.raw_decode(text, at)
        yield _Value(line, at, content)
        line += text.count("\n", at, end)
        at = end
