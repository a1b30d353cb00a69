"""One order on a page: its facts in sections, ids whole so that they can be copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.text import Text

from checkout_daemon.commands.output import console
from checkout_daemon.commands.styles import attention, remark, status_text, transition
from checkout_daemon.domain.orders import Order
from checkout_daemon.present.money import money
from checkout_daemon.present.text import plain, words
from checkout_daemon.present.times import clock
from checkout_daemon.services.history import DeedLine, split_changes
from checkout_daemon.store.order_reads import OrderView, PaymentLine

Line = Text | str


def print_order(view: OrderView, deeds: Sequence[DeedLine], time_zone: str) -> None:
    """Empty sections are left out, and deeds that a change tells all of."""
    printer = console()
    for line in _lines(view, deeds, time_zone):
        printer.print(line, soft_wrap=True)


def _lines(view: OrderView, deeds: Sequence[DeedLine], zone: str) -> Iterable[Line]:
    order = view.order
    width = max((len(each.type) for each in view.events), default=0)
    yield Text.assemble((f"Order {order.number}", "bold"), "  ", status_text("order", order.status))
    yield from _terms(order, zone)
    sections: dict[str, list[Line]] = {
        "Items": [
            f"{each.quantity:>4} × {plain(each.name)} ({plain(each.sku)})  {money(each.amount, order.currency)}"
            + (f"  less {money(each.amount_discount, order.currency)}" if each.amount_discount else "")
            for each in view.items
        ],
        "Sessions": [
            f"{each.id}\n    attempt {each.attempt}, {words(each.status)}, {words(each.payment_status)}, "
            f"made {clock(each.created_at, zone)}, expires {clock(each.expires_at, zone)}"
            + (f"\n    {plain(each.url)}" if each.status == "open" and each.url else "")
            for each in view.sessions
        ],
        "Payments": [_payment(each, zone) for each in view.payments],
        "Refunds": [
            f"{each.id}  {money(each.amount, each.currency)}  {words(each.status)}  {clock(each.created_at, zone)}"
            for each in view.refunds
        ],
        "Disputes": [
            f"{each.id}  {money(each.amount, each.currency)}  {words(each.status)}"
            + (f", {words(plain(each.reason))}" if each.reason else "")
            + (f", respond by {clock(each.due_by, zone)}" if each.due_by else "")
            + (f", funds {each.funds}" if each.funds else "")
            for each in view.disputes
        ],
        "Events": [
            Text.assemble(
                f"{clock(each.received_at, zone)}  {plain(each.type):<{width}}  ",
                status_text("event", each.status),
                f"  {each.id}",
                f"\n    {plain(each.last_error)}" if each.last_error and each.status != "applied" else "",
            )
            for each in view.events
        ],
        "Changes": [
            f"{clock(each.at, zone)}  {transition(each)}  ({each.cause}, {plain(each.actor)}{remark(each)})"
            for each in view.changes
        ],
        "Operators": [_deed(each, zone) for each in _untold(view, deeds)],
    }
    for title, lines in sections.items():
        if lines:
            yield ""
            yield Text(title, style="bold")
            for line in lines:
                yield Text("  ").append(line)


def _terms(order: Order, zone: str) -> Iterable[Line]:
    total = money(order.amount_total, order.currency)
    if order.amount_discount:
        code = f" with {plain(order.discount_code)}" if order.discount_code else ""
        discount = money(order.amount_discount, order.currency)
        total += f" ({money(order.amount_subtotal, order.currency)} less {discount}{code})"
    customer = ", ".join(filter(None, map(plain, (order.customer_name, order.customer_email, order.customer_phone))))
    facts: dict[str, Line] = {
        "Attention": attention(order.attention),
        "Total": total,
        "Refunded": money(order.amount_refunded, order.currency) if order.amount_refunded else "",
        "Customer": customer or "erased",
        "Created": clock(order.created_at, zone),
        "Paid": clock(order.paid_at, zone) if order.paid_at else "",
        "Updated": clock(order.updated_at, zone),
        "Mode": "live" if order.livemode else "test",
        "Id": order.id,
    }
    for name, fact in facts.items():
        if fact:
            yield Text(f"  {name:<10}").append(fact)


def _untold(view: OrderView, deeds: Sequence[DeedLine]) -> list[DeedLine]:
    """Return the operator actions that no change shows, or whose reason it does not."""
    _, silent = split_changes(view.changes, deeds)
    notes = {change.note for change in view.changes} | {None, ""}
    return [each for each in deeds if each in silent or each.note not in notes]


def _deed(deed: DeedLine, zone: str) -> str:
    details = ", ".join(f"{words(name)} {plain(text)}" for name, text in deed.details)
    note = f": {plain(deed.note)}" if deed.note else ""
    return f"{clock(deed.at, zone)}  {deed.kind}  ({plain(deed.actor)}{note})" + (f"\n    {details}" if details else "")


def _payment(payment: PaymentLine, zone: str) -> Line:
    state = Text("valid", style="green") if payment.valid else Text("not valid", style="bold red")
    mode = " (live)" if payment.livemode else ""
    return Text.assemble(
        f"{payment.id}  {money(payment.amount, payment.currency)}{mode}  ", state, f"  {clock(payment.paid_at, zone)}"
    )
