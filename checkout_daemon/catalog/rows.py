"""One row of a catalog file: read a product or a discount from it, and write one back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

from checkout_daemon.catalog.cart import SKU, Product
from checkout_daemon.catalog.pricing import DISCOUNT_CODE, Discount, normalize_discount_code
from checkout_daemon.catalog.stock_levels import MOST_PIECES
from checkout_daemon.model.money import maximum_amount, step
from checkout_daemon.model.text import WORD_MARKS, cleaned, is_visible, trimmed, unusable

T = TypeVar("T")
D = TypeVar("D")

_LARGEST_LIMIT = 2**31 - 1
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_FLAGS |= {"wahr": True, "falsch": False}  # what a German spreadsheet writes
_WHOLE = re.compile(r"\+?[0-9]{1,15}(\.0)?")
_PICTURE = re.compile(r"https://|/(?!/)")  # a page over https shows no picture from http
_MOST_PICTURES = 20
_CURRENCY = re.compile(r"[a-z]{3}")


def columns_of(kind: type[Product | Discount]) -> tuple[str, ...]:
    """Return the columns of a file of products or discounts: the names of the record's fields."""
    return tuple(field.name for field in fields(kind))


def read_product(values: Mapping[str, object]) -> tuple[Product | None, list[str]]:
    """Return the product, or None and every fault of the row. A value that is None or blank counts as absent."""
    row = _RowReader(values, columns_of(Product))
    product = Product(
        sku=row.read("sku", _code(SKU, cleaned), "must be 1 to 64 of A-Z a-z 0-9 . _ -", "", required=True),
        name=row.text("name", 250, required=True),
        description=row.text("description", 2000, allow="\n"),
        image_url=(pictures := row.pictures())[0],
        unit_amount=row.integer("unit_amount", 0, row.largest_amount, 0, required=True),
        currency=row.currency("", required=True),
        available=row.read("available", _flag, "must be true or false", True),
        stock=row.integer("stock", 0, MOST_PIECES, None),
        images=pictures[1],
    )
    row.check_step("unit_amount", product.unit_amount, product.currency)
    return (None if row.faults else product), row.faults


def read_discount(values: Mapping[str, object]) -> tuple[Discount | None, list[str]]:
    """Return the discount, or None and every fault of the row. A value that is None or blank counts as absent."""
    row = _RowReader(values, columns_of(Discount))
    code = _code(DISCOUNT_CODE, normalize_discount_code)
    percentage = "must be above 0, at most 100 and have at most two decimals"
    amount_off = row.integer("amount_off", 1, row.largest_amount, None)
    discount = Discount(
        code=row.read("code", code, "must be 1 to 64 of A-Z 0-9 . _ -", "", required=True),
        percent_off=row.read("percent_off", _percentage, percentage, None),
        amount_off=amount_off,
        currency=row.currency(None, required=amount_off is not None),
        minimum_subtotal=row.integer("minimum_subtotal", 0, row.largest_amount, 0),
        starts_at=row.time("starts_at"),
        ends_at=row.time("ends_at"),
        redemption_limit=row.integer("redemption_limit", 0, _LARGEST_LIMIT, None),
    )
    if row.has("percent_off") == row.has("amount_off"):
        row.fault("exactly one of percent_off and amount_off must be given")
    row.check_step("amount_off", amount_off or 0, discount.currency or "")
    if discount.starts_at is not None and discount.ends_at is not None and discount.starts_at >= discount.ends_at:
        row.fault("ends_at must be after starts_at")
    return (None if row.faults else discount), row.faults


def as_cells(item: Product | Discount) -> dict[str, str]:
    """Return every column as text that reads back as the same value; a column without a value is empty."""
    return {name: _as_text(value) for name, value in _values(item).items()}


def discount_object(discount: Discount) -> dict[str, object]:
    """Return the fields that have a value. The percentage is text, so that no reader turns it into a float."""
    values = {name: value for name, value in _values(discount).items() if value is not None}
    return {name: value if isinstance(value, int) else _as_text(value) for name, value in values.items()}


def _values(item: Product | Discount) -> dict[str, object]:
    values = asdict(item)
    if isinstance(item, Discount):
        values["minimum_subtotal"] = item.minimum_subtotal or None  # an absent one reads as 0
    return values


def _as_text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case tuple():
            return " ".join(value)
        case Decimal():
            return f"{value.normalize():f}"
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


class _RowReader:
    """Reads the columns of a row and collects the faults. The value returned for a faulty column is never used."""

    def __init__(self, values: Mapping[str, object], columns: tuple[str, ...]) -> None:
        self.values = values
        self.faults: list[str] = []
        self.largest_amount = maximum_amount(str(values.get("currency") or "").strip())
        for name in values:
            if name not in columns:
                self.fault(f"unknown field; there are {', '.join(columns)}", name)

    def fault(self, detail: str, value: object = None) -> None:
        shown = str(value) if isinstance(value, Decimal) else ascii(value)
        self.faults.append(detail if value is None else f"{detail}, not {shown[:60]}")

    def has(self, name: str) -> bool:
        value = self.values.get(name)
        return value is not None and not (isinstance(value, str) and not cleaned(value))

    def read(
        self, name: str, parse: Callable[[object], T | None], rule: str, default: D, *, required: bool = False
    ) -> T | D:
        """Return the parsed value, or the default for an absent one. `parse` refuses a value by an error or None."""
        if not self.has(name):
            if required:
                self.fault(f"{name} is missing")
            return default
        try:
            found = parse(self.values[name])
        except (ValueError, ArithmeticError):
            found = None
        if found is None:
            self.fault(f"{name} {rule}", self.values[name])
            return default
        return found

    def text(self, name: str, most: int, *, allow: str = "", required: bool = False) -> str:
        value = self.read(name, _string, "must be text", None, required=required)
        if value is None:
            return ""
        text = trimmed(value.replace("\r\n", "\n"))
        if len(text) > most:
            self.fault(f"{name} must be at most {most} characters", text)
        elif not is_visible(text):
            self.fault(f"{name} has nothing that can be seen", text)
        elif (found := unusable(text, allow=WORD_MARKS + allow)) is not None:
            self.fault(f"{name} contains a character that cannot be used: {found}")
        return text

    def url(self, name: str) -> str | None:
        url = self.text(name, 2000)
        if url and not _PICTURE.match(url):
            self.fault(f"{name} must start with https:// or /", url)
        return url or None

    def pictures(self) -> tuple[str | None, tuple[str, ...]]:
        """Return the first picture, and all of them if there are several."""
        first = self.url("image_url")
        rule = (
            f"must be up to {_MOST_PICTURES} different addresses, with a blank between, that start with https:// or /"
        )
        images = self.read("images", _pictures, rule, ())
        if images and first and images[0] != first:
            self.fault("images must begin with image_url", images[0])
        return first or (images[0] if images else None), images if len(images) > 1 else ()

    def integer(self, name: str, least: int, most: int, default: D, *, required: bool = False) -> int | D:
        def parse(value: object) -> int | None:
            number = _whole(value)
            return number if number is not None and least <= number <= most else None

        return self.read(name, parse, f"must be a whole number from {least} to {most}", default, required=required)

    def currency(self, default: D, *, required: bool) -> str | D:
        parse = _code(_CURRENCY, lambda text: cleaned(text).lower())
        return self.read("currency", parse, "must be a three-letter code such as eur", default, required=required)

    def time(self, name: str) -> datetime | None:
        return self.read(name, _time, "must be a time with its zone, such as 2025-06-01T00:00:00Z", None)

    def check_step(self, name: str, amount: int, currency: str) -> None:
        if amount % step(currency):
            self.fault(f"{name} must be a multiple of {step(currency)} in {currency}", amount)


def _pictures(value: object) -> tuple[str, ...] | None:
    """Read addresses of pictures: a text with blanks between them, or a list as JSON has it. None: they are faulty."""
    if isinstance(value, list) and all(isinstance(url, str) for url in value):
        urls = [trimmed(url) for url in value]
    elif isinstance(value, str):
        urls = value.split()
    else:
        return None
    usable = (
        len(url) <= 2000 and _PICTURE.match(url) and unusable(url) is None and url.split() == [url] for url in urls
    )
    return tuple(urls) if len(set(urls)) == len(urls) <= _MOST_PICTURES and all(usable) else None


def _string(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _code(pattern: re.Pattern[str], form: Callable[[str], str | None]) -> Callable[[object], str | None]:
    """Return a parser of a text that must match the pattern once it is brought into its form."""

    def parse(value: object) -> str | None:
        text = form(value) if isinstance(value, str) else None
        return text if text and pattern.fullmatch(text) else None

    return parse


def _whole(value: object) -> int | None:
    """Return a whole number however it is written: 2, 2.0 and 2e0 in JSON, "2", "+2" and "2.0" as text.

    "2.00" is refused: two decimals may mean major units.
    """
    if isinstance(value, str) and _WHOLE.fullmatch(text := cleaned(value)):
        return int(Decimal(text))
    if (
        isinstance(value, Decimal)
        and value.is_finite()
        and value.adjusted() < 15
        and value == value.to_integral_value()
    ):
        return int(value)
    return value if type(value) is int else None


def _percentage(value: object) -> Decimal | None:
    """Read a percentage; a text may have a comma for the point, and the sign, as in `12,5 %`."""
    text = cleaned(value).removesuffix("%").rstrip().replace(",", ".") if isinstance(value, str) else ""
    number = Decimal(text) if text else Decimal(value) if type(value) is int else value
    # A comparison with NaN raises InvalidOperation.
    if isinstance(number, Decimal) and 0 < number <= 100 and number == number.quantize(Decimal("0.01")):
        return number
    return None


def _flag(value: object) -> bool | None:
    return _FLAGS.get(cleaned(str(value)).lower())


def _time(value: object) -> datetime | None:
    time = datetime.fromisoformat(cleaned(value)) if isinstance(value, str) else None
    return time.astimezone(UTC) if time is not None and time.tzinfo is not None else None
