"""Customers from a CSV file of an old system: what Stripe does not know of those who paid.

The header names the columns: `session_id`, `payment_intent_id` and `email` find the order, the first of these that a
row has; `email`, `name` and `phone` are what is known. What Stripe knows itself stays.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from checkout_daemon.errors import CheckoutError, FieldError
from checkout_daemon.model.csv_cells import unguarded
from checkout_daemon.model.customer import Customer, check_email, check_name, check_phone
from checkout_daemon.model.spreadsheets import NotCsv, sheet_rows
from checkout_daemon.model.text import cleaned

_KEYS = {
    "session_id": re.compile(r"cs_[A-Za-z0-9_]{1,250}"),
    "payment_intent_id": re.compile(r"pi_[A-Za-z0-9_]{1,250}"),
}
_COLUMNS = (*_KEYS, "email", "name", "phone")
_Checks = Mapping[str, Callable[[str], str | FieldError]]
_MOST_NAMED = 20


class CustomersRejected(CheckoutError):
    """A file of customers has faults, and nothing was imported. The message names each with its line."""

    code = "invalid_customers"
    status = 422
    exit_code = 2
    title = "The file of customers has faults"


@dataclass(slots=True)
class KnownCustomers:
    """What a file knows of customers: by session, PaymentIntent, and email in lower case."""

    by_key: dict[str, Customer] = field(default_factory=dict)

    def complete(self, customer: Customer, *ids: str | None) -> Customer:
        """Return a customer with what is missing, as the file has it for one of the ids, else for the email."""
        for key in (*ids, customer.email.lower()):
            found = self.by_key.get(key) if key else None
            if found is not None:
                customer = Customer(
                    customer.name or found.name, customer.email or found.email, customer.phone or found.phone
                )
        return customer


def read_customers(path: Path, country: str | None = None) -> KnownCustomers:
    """Read a CSV file in UTF-8 with a header. Raise CustomersRejected with every fault.

    `country` (ISO 3166): of phone numbers without the code of one.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CustomersRejected(f"{path.name} is not text in UTF-8: {error.reason}") from error
    checks: _Checks = {"email": check_email, "name": check_name, "phone": partial(check_phone, country=country)}
    known, faults = KnownCustomers(), list[str]()
    for line, row in _rows(text, faults):
        key, customer = _read(row, checks, faults, line)
        if key is None or customer is None:
            continue
        if known.by_key.setdefault(key, customer) != customer:
            faults.append(f"line {line}: {key} is there twice, with different customers")
    if faults:
        more = f"\n{len(faults) - _MOST_NAMED} more" if len(faults) > _MOST_NAMED else ""
        raise CustomersRejected("\n".join(f"{path.name}, {fault}" for fault in faults[:_MOST_NAMED]) + more)
    return known


def _rows(text: str, faults: list[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
    rows = sheet_rows(text)
    try:
        begin, names = next(rows)
        header = [cleaned(name).lower() for name in names]
        unknown = [name for name in header if name not in _COLUMNS]
        if unknown or len(set(header)) < len(header) or not {*_KEYS, "email"} & set(header):
            faults.append(
                f"line {begin}: the header names columns out of {', '.join(_COLUMNS)}, each once, and at least one of "
                "the first three" + (f"; not {', '.join(map(repr, unknown))}" if unknown else "")
            )
            return
        for line, cells in rows:
            if len(cells) != len(header):
                faults.append(f"line {line}: it has {len(cells)} cells, the header has {len(header)}")
                continue
            yield line, dict(zip(header, (unguarded(cell.strip()) for cell in cells), strict=True))
    except NotCsv as error:
        faults.append(f"line {error.line}: {error}")


def _read(row: Mapping[str, str], checks: _Checks, faults: list[str], line: int) -> tuple[str | None, Customer | None]:
    """Return what a row is about and the customer, or None for what has a fault."""
    found: dict[str, str] = {}
    before = len(faults)
    for name, check in checks.items():
        value = check(row[name]) if row.get(name) else ""
        if isinstance(value, FieldError):
            faults.append(f"line {line}: {name}: {value.detail}")
        else:
            found[name] = value
    key = next((row[name] for name in _KEYS if row.get(name)), None)
    for name, shape in _KEYS.items():
        if row.get(name) and not shape.fullmatch(row[name]):
            faults.append(f"line {line}: {row[name]!r} is no {name}")
    key = key or found.get("email", "").lower()
    if not key and len(faults) == before:
        faults.append(f"line {line}: it has no session_id, payment_intent_id or email, so it is about nobody")
    if len(faults) > before:
        return None, None
    return key, Customer(found["name"], found["email"], found["phone"])
