"""Walks from an order to the others of its customer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkout_daemon.orders.order_filter import OrderFilter
from checkout_daemon.orders.order_pages import page_of_orders
from checkout_daemon.present.money import money
from checkout_daemon.present.text import words
from checkout_daemon.present.times import clock

from ..filters import Choice
from .dialogs import Choose

if TYPE_CHECKING:
    from .base import BaseScreen

_MOST = 12  # of more, a list is opened


async def open_others_of(screen: BaseScreen, email: str, *, but: str) -> None:
    """Open the other order of a customer; ask which one if there are several, and list them if there are many."""
    context, title = screen.app_context, f"Other orders of {screen.app_context.name(email)}"
    found = await page_of_orders(context.reads, OrderFilter(email=email), limit=_MOST + 2)
    orders = [order for order in found if order.id != but]
    if len(orders) > _MOST:
        context.navigation.orders(Choice(search=email))
        return
    if not orders:
        screen.notify(f"{title}: none.", markup=False)
        return
    chosen: str | None = orders[0].id
    if len(orders) > 1:
        options = [
            (
                order.id,
                f"{order.number}  {clock(order.created_at, context.time_zone)[:16]}  {words(order.status):<18} "
                f"{money(order.amount_total, order.currency):>12}  {context.customer(order)}",
            )
            for order in orders
        ]
        chosen = await screen.app.push_screen_wait(Choose(title, options))
    if chosen is not None:
        context.navigation.order(chosen)
