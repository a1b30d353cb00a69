"""The query of GET /api/orders: every fault is named at once, with its parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from multidict import MultiMapping

from checkout_daemon.errors import FieldError, InvalidRequest
from checkout_daemon.model.orders import OrderStatus

MOST_ORDERS = 200
_USUAL_ORDERS = 50
_PARAMETERS = ("status", "updated_since", "cursor", "limit")
_LONGEST_CURSOR = 12_000
_ANY: tuple[str, ...] = ()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OrdersQuery:
    """Which orders are asked for. Without `since` the newest ones."""

    statuses: tuple[str, ...]
    since: datetime | None
    cursor: str | None
    limit: int


def read_query(query: MultiMapping[str]) -> OrdersQuery:
    """Read the parameters. Raise InvalidRequest with every one that is unknown, repeated or wrong."""
    faults = [
        FieldError("", "unknown_parameter", f"there is no such parameter; there are {', '.join(_PARAMETERS)}", name)
        for name in dict.fromkeys(query)
        if name not in _PARAMETERS
    ]
    faults += [
        FieldError("", "repeated_parameter", f"give {name} once", name)
        for name in _PARAMETERS
        if name != "status" and len(query.getall(name, [])) > 1
    ]

    def read(name: str, convert: Callable[[str], T], other: T) -> T:
        try:
            return convert(query[name]) if name in query else other
        except _WrongValue as fault:
            faults.append(FieldError("", f"invalid_{fault.what}", fault.detail, name))
            return other

    limit = read("limit", _limit, _USUAL_ORDERS)
    cursor = read("cursor", _cursor, None)
    since = read("updated_since", _time, None)
    statuses = read("status", lambda _: _statuses(query.getall("status")), _ANY)
    if faults:
        raise InvalidRequest(faults)
    return OrdersQuery(statuses, since, cursor, limit)


class _WrongValue(Exception):
    def __init__(self, what: str, detail: str) -> None:
        super().__init__(detail)
        self.what, self.detail = what, detail


def _limit(text: str) -> int:
    is_whole = text.isascii() and text.isdecimal() and len(text) <= len(str(MOST_ORDERS))
    if not is_whole or not 1 <= int(text) <= MOST_ORDERS:
        raise _WrongValue("limit", f"limit is a whole number from 1 to {MOST_ORDERS}")
    return int(text)


def _cursor(text: str) -> str | None:
    if len(text) > _LONGEST_CURSOR:
        raise _WrongValue("cursor", "the cursor is too long")
    return text


def _statuses(texts: list[str]) -> tuple[str, ...]:
    named = [status for text in texts for status in text.split(",")]
    if not set(named) <= set(OrderStatus):
        raise _WrongValue("status", f"status is one or more of {', '.join(OrderStatus)}")
    return tuple(dict.fromkeys(named))


def _time(text: str) -> datetime | None:
    """Return an RFC 3339 time, with its offset."""
    wrong = _WrongValue("time", "updated_since is an RFC 3339 time such as 2026-05-01T12:00:00Z")
    try:
        # In a query, + is a blank.
        time = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if time.tzinfo is None:
            raise wrong
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise wrong from None
