"""One row of a catalog file, as a product or a discount and back: what every field may hold."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from checkout_daemon.catalog.cart import SKU, Product
from checkout_daemon.catalog.pricing import DISCOUNT_CODE, Discount, normalize_discount_code
from checkout_daemon.model.money import maximum_amount, step
from checkout_daemon.model.text import WORD_MARKS, cleaned, is_visible, trimmed, unusable

PRODUCT_FIELDS = ("sku", "name", "description", "image_url", "unit_amount", "currency", "available")
DISCOUNT_FIELDS = (
    "code",
    "percent_off",
    "amount_off",
    "currency",
    "minimum_subtotal",
    "starts_at",
    "ends_at",
    "redemption_limit",
)
_LONGEST_NAME = 250
_LONGEST_DESCRIPTION = 2000
_LONGEST_URL = 2000
_LARGEST_LIMIT = 2**31 - 1
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_FLAGS |= {"wahr": True, "falsch": False}  # what a German spreadsheet writes
_WHOLE = re.compile(r"\+?[0-9]{1,15}(\.0)?")


def read_product(values: Mapping[str, object]) -> tuple[Product | None, list[str]]:
    """Return the product, or None and every fault of the row. A value that is None or blank counts as absent."""
    row = _Row(values, PRODUCT_FIELDS)
    sku = row.code("sku", required=True)
    if sku and not SKU.fullmatch(sku):
        row.fault("sku must be 1 to 64 of A-Z a-z 0-9 . _ -", sku)
    name = row.text("name", required=True, most=_LONGEST_NAME)
    description = row.text("description", most=_LONGEST_DESCRIPTION, lines=True)
    image_url = row.text("image_url", most=_LONGEST_URL)
    if image_url and not re.match(r"https?://|/(?!/)", image_url):
        row.fault("image_url must start with https://, http:// or /", image_url)
    most = maximum_amount(str(values.get("currency") or "").strip())
    unit_amount = row.integer("unit_amount", 0, most, required=True)
    currency = row.currency("currency", required=True)
    row.in_steps("unit_amount", unit_amount, currency)
    available = row.flag("available", default=True)
    if row.faults:
        return None, row.faults
    return Product(sku, name, description, image_url or None, unit_amount or 0, currency, available), []


def read_discount(values: Mapping[str, object]) -> tuple[Discount | None, list[str]]:
    """Return the discount, or None and every fault of the row. A value that is None or blank counts as absent."""
    row = _Row(values, DISCOUNT_FIELDS)
    code = normalize_discount_code(row.code("code", required=True)) or ""
    if code and not DISCOUNT_CODE.fullmatch(code):
        row.fault("code must be 1 to 64 of A-Z 0-9 . _ -", code)
    percent_off = row.percentage("percent_off")
    most = maximum_amount(str(values.get("currency") or "").strip())
    amount_off = row.integer("amount_off", 1, most)
    if row.holds("percent_off") == row.holds("amount_off"):
        row.fault("exactly one of percent_off and amount_off must be given")
    currency = row.currency("currency", required=amount_off is not None)
    row.in_steps("amount_off", amount_off, currency)
    minimum_subtotal = row.integer("minimum_subtotal", 0, most) or 0
    starts_at, ends_at = row.time("starts_at"), row.time("ends_at")
    if starts_at is not None and ends_at is not None and starts_at >= ends_at:
        row.fault("ends_at must be after starts_at")
    limit = row.integer("redemption_limit", 0, _LARGEST_LIMIT)
    if row.faults:
        return None, row.faults
    return Discount(code, percent_off, amount_off, currency or None, minimum_subtotal, starts_at, ends_at, limit), []


def product_cells(product: Product) -> dict[str, str]:
    """Each field as text: what read_product reads back."""
    return {
        "sku": product.sku,
        "name": product.name,
        "description": product.description,
        "image_url": product.image_url or "",
        "unit_amount": str(product.unit_amount),
        "currency": product.currency,
        "available": "true" if product.available else "false",
    }


def discount_cells(discount: Discount) -> dict[str, str]:
    """Each field as text: what read_discount reads back."""
    return {
        "code": discount.code,
        "percent_off": "" if discount.percent_off is None else f"{discount.percent_off.normalize():f}",
        "amount_off": _text(discount.amount_off),
        "currency": discount.currency or "",
        "minimum_subtotal": _text(discount.minimum_subtotal or None),
        "starts_at": _time_text(discount.starts_at),
        "ends_at": _time_text(discount.ends_at),
        "redemption_limit": _text(discount.redemption_limit),
    }


def _text(number: int | None) -> str:
    return "" if number is None else str(number)


def _time_text(time: datetime | None) -> str:
    return "" if time is None else time.astimezone(UTC).isoformat().replace("+00:00", "Z")


class _Row:
    """Reads fields and collects what is wrong with them; what it gives for a faulty one is never used."""

    def __init__(self, values: Mapping[str, object], fields: Collection[str]) -> None:
        self.values = values
        self.faults: list[str] = []
        for name in values:
            if name not in fields:
                self.fault(f"unknown field; there are {', '.join(fields)}", name)

    def fault(self, detail: str, value: object = None) -> None:
        shown = str(value) if isinstance(value, Decimal) else ascii(value)
        self.faults.append(detail if value is None else f"{detail}, not {shown[:60]}")

    def holds(self, name: str) -> bool:
        value = self.values.get(name)
        return value is not None and not (isinstance(value, str) and not cleaned(value))

    def text(self, name: str, *, required: bool = False, most: int = 64, lines: bool = False) -> str:
        if not self.holds(name):
            if required:
                self.fault(f"{name} is missing")
            return ""
        value = self.values[name]
        if not isinstance(value, str):
            self.fault(f"{name} must be text", value)
            return ""
        text = trimmed(value.replace("\r\n", "\n"))
        if len(text) > most:
            self.fault(f"{name} must be at most {most} characters", text)
        elif not is_visible(text):
            self.fault(f"{name} has nothing that can be seen", text)
        elif (found := unusable(text, allow=WORD_MARKS + "\n" if lines else WORD_MARKS)) is not None:
            self.fault(f"{name} contains a character that cannot be used: {found}")
        return text

    def code(self, name: str, *, required: bool = False) -> str:
        """Return a text of a known alphabet, for the caller to check."""
        value = self.values.get(name)
        return cleaned(value) if isinstance(value, str) and self.holds(name) else self.text(name, required=required)

    def integer(self, name: str, least: int, most: int, *, required: bool = False) -> int | None:
        if not self.holds(name):
            if required:
                self.fault(f"{name} is missing")
            return None
        value = _whole(self.values[name])
        if value is None or not least <= value <= most:
            self.fault(f"{name} must be a whole number from {least} to {most}", self.values[name])
            return None
        return value

    def percentage(self, name: str) -> Decimal | None:
        if not self.holds(name):
            return None
        value = self.values[name]
        try:
            number = Decimal(cleaned(value)) if isinstance(value, str) else value
        except InvalidOperation:
            number = None
        if type(number) is int:
            number = Decimal(number)
        if not isinstance(number, Decimal) or not _is_percentage(number):
            self.fault(f"{name} must be above 0, at most 100 and have at most two decimals", value)
            return None
        return number

    def currency(self, name: str, *, required: bool) -> str:
        text = self.code(name, required=required).lower()
        if text and not re.fullmatch(r"[a-z]{3}", text):
            self.fault(f"{name} must be a three-letter code such as eur", text)
        return text

    def in_steps(self, name: str, amount: int | None, currency: str) -> None:
        if amount is not None and currency and amount % step(currency):
            self.fault(f"{name} must be a multiple of {step(currency)} in {currency}", amount)

    def flag(self, name: str, *, default: bool) -> bool:
        if not self.holds(name):
            return default
        value = self.values[name]
        found = value if isinstance(value, bool) else _FLAGS.get(cleaned(str(value)).lower())
        if found is None:
            self.fault(f"{name} must be true or false", value)
        return bool(found)

    def time(self, name: str) -> datetime | None:
        if not self.holds(name):
            return None
        value = self.values[name]
        try:
            time = datetime.fromisoformat(cleaned(value)) if isinstance(value, str) else None
            if time is not None and time.tzinfo is not None:
                return time.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        self.fault(f"{name} must be a time with its zone, such as 2025-06-01T00:00:00Z", value)
        return None


def _whole(value: object) -> int | None:
    """Return a whole number however it is written: 2, 2.0 and 2e0 in JSON, "2", "+2" and "2.0" as text.

    Not "2.00": whoever writes two decimals may mean major units.
    """
    if isinstance(value, str) and _WHOLE.fullmatch(text := cleaned(value)):
        return int(Decimal(text))
    if isinstance(value, Decimal):
        return (
            int(value) if value.is_finite() and value.adjusted() < 15 and value == value.to_integral_value() else None
        )
    return value if type(value) is int else None


def _is_percentage(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):  # NaN, Infinity
        return False
    return 0 < number <= 100 and number == number.quantize(Decimal("0.01"))
