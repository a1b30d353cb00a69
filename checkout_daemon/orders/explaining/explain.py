"""Reads everything that is stored about an order, and applies the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from checkout_daemon.database.queries import sql
from checkout_daemon.database.reading import Readable
from checkout_daemon.database.records import record_of
from checkout_daemon.events.event_lists import read_event
from checkout_daemon.ledger.fact_store import load_links
from checkout_daemon.model.events import EventLine
from checkout_daemon.orders.erasing import read_erasure_state
from checkout_daemon.orders.explaining.case import Case, Finding, HintLine
from checkout_daemon.orders.explaining.state import STATE_RULES
from checkout_daemon.orders.explaining.troubles import PAYMENT_REFUSED, TROUBLE_RULES
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.order_pages import show_order
from checkout_daemon.orders.refund_request_store import unanswered_request
from checkout_daemon.orders.session_attempt_store import is_doubtful, last_attempt
from checkout_daemon.outbox.outbox_store import MessageFilter, list_messages
from checkout_daemon.settings import STRIPE_API_BASE

_BEFORE = timedelta(days=1)  # clocks differ
_MOST_MESSAGES = 20


@dataclass(frozen=True, slots=True)
class Explanation:
    """The first findings explain the order's status, the others what else is wrong or under way."""

    order_id: str
    number: int
    status: str
    attention: tuple[str, ...]
    findings: tuple[Finding, ...]


async def explain_order(
    database: Readable, text: str, time_zone: str = "UTC", stripe_api_base: str = STRIPE_API_BASE
) -> Explanation:
    """Explain an order from the database alone. `text` is what find_order takes. Raise NotFound, AmbiguousOrder.

    `time_zone` is the IANA name of the zone for times in sentences. The pages of disputes depend on `stripe_api_base`.
    """
    view = await show_order(database, text)
    async with database.connection() as connection:
        case = await _read_case(connection, view, datetime.now(ZoneInfo(time_zone)), stripe_api_base)
    order = view.order
    return Explanation(order.id, order.number, order.status, order.attention, tuple(findings_of(case)))


def findings_of(case: Case) -> list[Finding]:
    """Return what the rules find: first why the order has its status.

    Of an order that waits for its customer, the refusal of their bank comes before the open session.
    """
    rules = (*STATE_RULES.get(case.order.status, ()), *TROUBLE_RULES)
    found = [finding for rule in rules for finding in rule(case)]
    return sorted(found, key=lambda finding: finding.code != PAYMENT_REFUSED)


async def _read_case(connection: asyncpg.Connection, view: OrderView, now: datetime, stripe_api_base: str) -> Case:
    order_id = view.order.id
    attempt = await last_attempt(connection, order_id)
    undelivered = MessageFilter(statuses=("failed", "dead"), order_id=order_id)
    return Case(
        view=view,
        now=now,
        stripe_api_base=stripe_api_base,
        attempt=attempt,
        doubtful=attempt is not None and await is_doubtful(connection, order_id, attempt.number),
        refund_request=await unanswered_request(connection, order_id),
        hints=tuple(record_of(HintLine, row) for row in await connection.fetch(sql("read_hints"), order_id)),
        unapplied=tuple(await _unapplied(connection, view)),
        undelivered=tuple(await list_messages(connection, undelivered, limit=_MOST_MESSAGES)),
        erased=(await read_erasure_state(connection, order_id)).erased_at is not None,
        late=tuple(row["id"] for row in await connection.fetch(sql("read_late_effects"), order_id)),
        oversold=await connection.fetchval(sql("read_oversold"), order_id) or "",
        acknowledged=frozenset(
            (row["reason"], row["subject"]) for row in await connection.fetch(sql("read_acknowledged"), order_id)
        ),
    )


async def _unapplied(connection: asyncpg.Connection, view: OrderView) -> list[EventLine]:
    """Return the order's failed and dead events. Unreadable ones are found by the ids in their payloads."""
    order_id = view.order.id
    links = await load_links(connection, [order_id])
    names = {order_id} | {link.source_id for link in links} | {link.target_id for link in links}
    rows = await connection.fetch(sql("unapplied_events_naming"), view.order.created_at - _BEFORE, sorted(names))
    found = {event.id: event for event in view.events if event.status in ("failed", "dead")}
    for event_id in (row["id"] for row in rows):
        if event_id not in found and (read := await read_event(connection, event_id)) is not None:
            found[event_id] = read[0]
    return list(found.values())
