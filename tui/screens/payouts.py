"""The orders of a payout: choose a payout, then one of its orders."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkout_daemon.bank.order_lines import OrderLine
from checkout_daemon.bank.payouts import PayoutFilter, PayoutLine, lines_of, list_payouts
from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.present.money import money
from checkout_daemon.present.text import counted, plain, words
from checkout_daemon.present.times import minute

from ..actions import command_line
from .dialogs import Choose

if TYPE_CHECKING:
    from .base import BaseScreen

_MOST_PAYOUTS = 100
_MOST_LINES = 5000
_NO_ORDER = "-"


async def open_order_of_payout(screen: BaseScreen) -> None:
    """Ask for a payout, show what it consists of, and open the order that is chosen there."""
    context = screen.app_context
    try:
        payouts = await list_payouts(context.reads, PayoutFilter(), livemode=context.livemode, limit=_MOST_PAYOUTS)
        if not payouts:
            screen.notify("There is no payout yet.", markup=False)
            return
        options = [(payout.id, _payout(payout, context.time_zone)) for payout in payouts]
        chosen = await screen.app.push_screen_wait(Choose("Payouts, newest first", options))
        if chosen is None:
            return
        screen.show_command(command_line("payouts", "show", chosen))
        lines = await _lines(screen, chosen)
    except DatabaseUnavailable:
        screen.notify("The database does not answer: try again in a moment.", severity="error", markup=False)
        return
    payout = next(payout for payout in payouts if payout.id == chosen)
    if not lines:
        screen.notify(f"{plain(chosen)} has no lines yet: Stripe lists them once it is complete.", markup=False)
        return
    title = f"{plain(chosen)}  {money(payout.amount, payout.currency)}  {_agrees(payout)}"
    cut = f"The first {_MOST_LINES:,} lines: `checkout payouts show {plain(chosen)}` has all." * (
        len(lines) == _MOST_LINES
    )
    order_id = await screen.app.push_screen_wait(Choose(title, _orders(lines), question=cut))
    if order_id is not None and not order_id.startswith(_NO_ORDER):
        context.navigation.order(order_id)


async def _lines(screen: BaseScreen, payout_id: str) -> list[OrderLine]:
    lines: list[OrderLine] = []
    async for page in lines_of(screen.app_context.reads, payout_id):
        lines += page
        if len(lines) >= _MOST_LINES:
            break
    return lines[:_MOST_LINES]


def _payout(payout: PayoutLine, zone: str) -> str:
    amount = money(payout.amount, payout.currency)
    day = minute(payout.created_at, zone)[:-6]
    return f"{day}  {amount:>13}  {plain(words(payout.status)):<10}  {_agrees(payout)}"


def _agrees(payout: PayoutLine) -> str:
    if payout.difference is None:
        return "not complete yet" if payout.automatic else "made by hand"
    if payout.difference:
        return f"{money(payout.difference, payout.currency)} missing"
    return counted(payout.lines, "line")


def _orders(lines: list[OrderLine]) -> list[tuple[str, str]]:
    """Return the orders with what each brought, and the lines that belong to none."""
    orders: dict[str, list[OrderLine]] = {}
    for line in lines:
        orders.setdefault(line.order_id or f"{_NO_ORDER}{line.id}", []).append(line)
    return [(order_id, _order(found)) for order_id, found in orders.items()]


def _order(lines: list[OrderLine]) -> str:
    first = lines[0]
    name = "no order" if first.number is None else f"order {first.number}"
    kinds = ", ".join(dict.fromkeys(plain(words(line.category)) for line in lines))
    net, fee = sum(line.net for line in lines), sum(line.fee for line in lines)
    fees = f"  fee {money(fee, first.currency)}" if fee else ""
    return f"{name:<14} {money(net, first.currency):>14}  {kinds}{fees}"
