"""Reads all that is held of an order, and asks the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import asyncpg

from checkout_daemon.database.pool import Database
from checkout_daemon.events.event_lists import EventLine, read_event
from checkout_daemon.ledger.fact_store import load_links
from checkout_daemon.orders.erasure_store import read_erasure
from checkout_daemon.orders.explaining.case import Case, Finding
from checkout_daemon.orders.explaining.explain_store import read_hints, read_late_effects, unapplied_events_naming
from checkout_daemon.orders.explaining.refusals import read_refusal, refused_tries
from checkout_daemon.orders.explaining.rules import RULES
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.pages import show_order
from checkout_daemon.orders.refund_requests import unanswered_request
from checkout_daemon.orders.session_attempts import is_doubtful, last_attempt
from checkout_daemon.outbox.outbox_store import MessageFilter, list_messages

_BEFORE = timedelta(days=1)  # clocks differ
_MOST_MESSAGES = 20


@dataclass(frozen=True, slots=True)
class Explanation:
    """The first finding is why the order is in its state; the others are what else there is."""

    order_id: str
    number: int
    status: str
    attention: tuple[str, ...]
    findings: tuple[Finding, ...]


async def explain_order(database: Database, text: str, time_zone: str = "UTC") -> Explanation:
    """Of an order by anything that find_order takes; asks nobody but the database. Raises NotFound, AmbiguousOrder.

    Times in words are told in the IANA `time_zone`.
    """
    view = await show_order(database, text)
    async with database.connection() as connection:
        case = await read_case(connection, view, datetime.now(ZoneInfo(time_zone)))
    findings = tuple(finding for rule in RULES for finding in rule.find(case))
    order = view.order
    return Explanation(order.id, order.number, order.status, order.attention, findings)


async def read_case(connection: asyncpg.Connection, view: OrderView, now: datetime) -> Case:
    order_id = view.order.id
    erasure = await read_erasure(connection, order_id)
    attempt = await last_attempt(connection, order_id)
    undelivered = MessageFilter(statuses=("failed", "dead"), order_id=order_id)
    return Case(
        view=view,
        now=now,
        attempt=attempt,
        doubtful=attempt is not None and await is_doubtful(connection, order_id, attempt.number),
        refund_request=await unanswered_request(connection, order_id),
        hints=tuple(await read_hints(connection, order_id)),
        unapplied=tuple(await _unapplied(connection, view)),
        undelivered=tuple(await list_messages(connection, undelivered, limit=_MOST_MESSAGES)),
        refusal=await _refusal(connection, view),
        erased=erasure.erased_at is not None,
        late=tuple(await read_late_effects(connection, order_id)),
    )


async def _refusal(connection: asyncpg.Connection, view: OrderView) -> str | None:
    tries = refused_tries(view.events)
    read = await read_event(connection, tries[-1].id) if tries else None
    return None if read is None or read[1] is None else read_refusal(read[1])


async def _unapplied(connection: asyncpg.Connection, view: OrderView) -> list[EventLine]:
    """An event that could not be read says nothing of its order: it is looked for by the ids in its payload."""
    order_id = view.order.id
    links = await load_links(connection, [order_id])
    names = {order_id} | {link.source_id for link in links} | {link.target_id for link in links}
    found = await unapplied_events_naming(connection, view.order.created_at - _BEFORE, sorted(names))
    held = {each.id: each for each in view.events if each.status in ("failed", "dead")}
    for event_id in found:
        if event_id not in held and (read := await read_event(connection, event_id)) is not None:
            held[event_id] = read[0]
    return list(held.values())
