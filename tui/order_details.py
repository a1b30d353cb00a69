"""Everything that the order screen shows, read together."""

from __future__ import annotations

from dataclasses import dataclass

from checkout_daemon.orders.explaining import Finding, explain_order
from checkout_daemon.orders.history import History, read_history
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.pages import show_order
from checkout_daemon.outbox.listing import all_messages
from checkout_daemon.outbox.outbox_store import MessageFilter, MessageLine
from checkout_daemon.runtime import Runtime

_MOST_MESSAGES = 200


@dataclass(frozen=True, slots=True)
class OrderDetails:
    """An order with its messages, its history, and the findings that explain its status."""

    view: OrderView
    messages: tuple[MessageLine, ...]
    findings: tuple[Finding, ...]
    history: History


async def read_order_details(runtime: Runtime, reference: str) -> OrderDetails:
    """Read an order by its id or number. Raises NotFound."""
    database = runtime.database
    view = await show_order(database, reference)
    wanted = MessageFilter(order_id=view.order.id)
    messages = [message async for page in all_messages(database, wanted, limit=_MOST_MESSAGES) for message in page]
    explanation = await explain_order(database, view.order.id, runtime.settings.time_zone)
    history = await read_history(database, view.order.id)
    return OrderDetails(view, tuple(messages), explanation.findings, history)
