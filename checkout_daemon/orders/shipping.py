"""Operators state that an order was sent: with whom, under which number, and where to follow it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from checkout_daemon.audit.audit_log import OperatorAction, act, check_note
from checkout_daemon.audit.operators import Operator
from checkout_daemon.database.pool import Database
from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.errors import CheckoutError, FieldError, InvalidRequest
from checkout_daemon.ledger.merge import Update, locked_order
from checkout_daemon.model.csv_cells import unguarded
from checkout_daemon.model.messages import MessageKind
from checkout_daemon.model.orders import Order, OrderStatus
from checkout_daemon.model.spreadsheets import NotCsv, sheet_rows
from checkout_daemon.model.text import cleaned, tidied, unusable
from checkout_daemon.orders.order_store import read_order
from checkout_daemon.outbox.outbox_store import owe
from checkout_daemon.urls import BadUrl, read_http_url

SHIPPABLE = (OrderStatus.COMPLETED, OrderStatus.PARTIALLY_REFUNDED)
"""The statuses of orders that are paid and whose goods are owed."""
_LONGEST = 100
_LONGEST_URL = 500
_COLUMNS = ("order", "carrier", "tracking", "url")


class NotShippable(CheckoutError):
    """Nothing of the order is sent, it is not paid, or its customer was erased and the parcel names them again."""

    code = "not_shippable"
    status = 409
    exit_code = 4
    title = "The order cannot be shipped"


@dataclass(frozen=True, slots=True)
class Parcel:
    """How an order was sent. Each text may be empty."""

    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""


@dataclass(frozen=True, slots=True)
class ParcelOf:
    """A line of a file: the order as an operator names it, and its parcel."""

    line: int
    order: str
    parcel: Parcel


@dataclass(frozen=True, slots=True)
class ShippedOrder:
    """An order that was sent. `changed` is False if exactly that was known before: no mail goes out again."""

    order_id: str
    number: int
    shipped_at: datetime
    carrier: str
    tracking_number: str
    tracking_url: str
    changed: bool


def read_parcel(carrier: str, tracking_number: str, tracking_url: str) -> Parcel:
    """Return a parcel in one spelling. Raise InvalidRequest with every fault."""
    parcel = Parcel(tidied(carrier), cleaned(tracking_number), cleaned(tracking_url))
    errors = []
    for name, text in (("carrier", parcel.carrier), ("tracking", parcel.tracking_number)):
        if len(text) > _LONGEST or unusable(text) is not None:
            errors.append(FieldError(f"/{name}", f"invalid_{name}", f"at most {_LONGEST} printable characters"))
    if parcel.tracking_url and not _is_url(parcel.tracking_url):
        errors.append(FieldError("/url", "invalid_url", "must be an address such as https://track.example/123"))
    if errors:
        raise InvalidRequest(errors)
    return parcel


def read_parcels(text: str) -> list[ParcelOf]:
    """Read CSV with the columns order, carrier, tracking and url, of which only the first must be there.

    Raise InvalidRequest with every fault, each with its line as the pointer.
    """
    rows = sheet_rows(text)
    found: list[ParcelOf] = []
    errors: list[FieldError] = []
    seen: dict[str, int] = {}
    try:
        begin, cells = next(rows)
        names = [cleaned(name).lower() for name in cells]
        if "order" not in names or not set(names) <= set(_COLUMNS) or len(set(names)) < len(names):
            wanted = f"it must name the columns, such as {','.join(_COLUMNS)}"
            raise InvalidRequest([_fault(begin, "invalid_columns", wanted)])
        for line, cells in rows:
            if len(cells) != len(names):
                errors.append(_fault(line, "invalid_line", f"it needs {len(names)} values"))
                continue
            row = dict(zip(names, (unguarded(cell.strip()) for cell in cells), strict=True))
            order = row["order"]
            if not order or order in seen:
                why = f"is in line {seen[order]} too" if order else "is empty"
                errors.append(_fault(line, "invalid_order", f"the order {why}"))
                continue
            seen[order] = line
            try:
                parcel = read_parcel(row.get("carrier", ""), row.get("tracking", ""), row.get("url", ""))
                found.append(ParcelOf(line, order, parcel))
            except InvalidRequest as error:
                errors += [_fault(line, fault.code, fault.detail, fault.pointer) for fault in error.errors]
    except NotCsv as error:
        errors.append(_fault(error.line, "invalid_line", str(error)))
    if errors:
        raise InvalidRequest(errors)
    return found


def _fault(line: int, code: str, why: str, pointer: str = "") -> FieldError:
    return FieldError(f"/{line}{pointer}", code, f"line {line}: {why}")


async def check_shipping(database: Readable, order_id: str, parcel: Parcel, *, note: str = "") -> None:
    """Raise what ship_order would raise now, and change nothing."""
    check_note(note)
    async with database.connection() as connection:
        refusal = await _refusal(connection, await read_order(connection, order_id), parcel)
    if refusal is not None:
        raise refusal


async def ship_order(
    database: Database, order_id: str, parcel: Parcel, *, operator: Operator, note: str = ""
) -> ShippedOrder:
    """State that an order was sent, and owe its customer a mail. Another parcel replaces the one that is known.

    Safe to repeat. Raise OrderNotFound, NotShippable, or InvalidRequest for the note.
    """
    outcome = await database.run(_ship, order_id, parcel, operator, check_note(note))
    if isinstance(outcome, NotShippable):
        raise outcome
    return outcome


async def _ship(
    connection: asyncpg.Connection, order_id: str, parcel: Parcel, operator: Operator, note: str
) -> ShippedOrder | NotShippable:
    await locked_order(connection, order_id)
    order = await read_order(connection, order_id)
    if (refusal := await _refusal(connection, order, parcel)) is not None:
        return refusal
    row = await connection.fetchrow(sql("record_parcel"), order_id, *_values(parcel))
    if row is not None:
        await connection.execute(sql("record_shipped"), order_id, operator.actor, parcel.carrier)
        # Not the number: it leads to an address, and nothing erases it from the audit log.
        action = OperatorAction("order.shipped", operator, note, {"carrier": parcel.carrier})
        update = Update("order.shipped", operator.actor, note, order_ids=[order_id], always_logged=True)
        await act(connection, order_id, action, update)
        times = await connection.fetchval(sql("count_shipped"), order_id)
        await owe(connection, MessageKind.ORDER_SHIPPED, order_id=order_id, subject_id=str(times))
        order = await read_order(connection, order_id)
    assert order.shipped_at is not None
    return ShippedOrder(order.id, order.number, order.shipped_at, *_values(parcel), changed=row is not None)


async def _refusal(connection: asyncpg.Connection, order: Order, parcel: Parcel) -> NotShippable | None:
    """Return why the order cannot be shipped with this parcel, or None."""
    if order.amount_shipping is None:
        return NotShippable(f"nothing of order {order.number} is sent: it was placed without shipping")
    if order.status not in SHIPPABLE:
        return NotShippable(f"order {order.number} is {order.status.replace('_', ' ')}: only paid orders are sent")
    if (parcel.tracking_number or parcel.tracking_url) and await connection.fetchval(sql("is_erased"), order.id):
        return NotShippable(
            f"the customer of order {order.number} was erased, and a tracking number leads to an address: "
            "leave out --tracking and --url"
        )
    return None


def _values(parcel: Parcel) -> tuple[str, str, str]:
    return (parcel.carrier, parcel.tracking_number, parcel.tracking_url)


def _is_url(text: str) -> bool:
    try:
        read_http_url(text, final=True)
    except BadUrl:
        return False
    return len(text) <= _LONGEST_URL and text.isascii()
