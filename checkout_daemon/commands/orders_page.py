"""Orders as tables, pages and JSON. Ids are printed whole, so that they can be copied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from textwrap import wrap
from typing import Any

from rich.text import Text

from checkout_daemon.commands.lists import ListColumn, ListKind, registered
from checkout_daemon.commands.output import console, keys, print_facts
from checkout_daemon.commands.styles import attention, remark, status_text, transition
from checkout_daemon.ledger.change_log import ChangeLine
from checkout_daemon.model.address import Address
from checkout_daemon.model.charges import PaidWith
from checkout_daemon.model.order_rows import OrderRow
from checkout_daemon.model.orders import Order
from checkout_daemon.model.shipping import OrderShipping
from checkout_daemon.orders.caring import Care
from checkout_daemon.orders.charge_lines import ChargeLine
from checkout_daemon.orders.explaining import Explanation
from checkout_daemon.orders.history import ActionLine, split_changes
from checkout_daemon.orders.order_lists import OrderView, PaymentLine
from checkout_daemon.orders.refund_items import items_text
from checkout_daemon.orders.time_machine import OrderThen
from checkout_daemon.present.columns import View
from checkout_daemon.present.money import money
from checkout_daemon.present.order_columns import COLUMNS, masked_order
from checkout_daemon.present.text import masked, plain, words
from checkout_daemon.present.times import age, local_time

Line = Text | str

_INDENT = "  "
_WIDTH = 78


def orders_listing(now: datetime) -> ListKind[OrderRow]:
    """Return what a list of orders can show; the columns of payment and attention only if an order has any."""
    columns: list[ListColumn[OrderRow]] = [
        ListColumn("order", "number", lambda row: str(row.order.number), right=True),
        ListColumn("age", "created_at", lambda row: age(row.order.created_at, now), right=True),
        ListColumn("status", "status", lambda row: status_text("order", row.order.status)),
        ListColumn("total", "amount_total", lambda row: money(row.order.amount_total, row.order.currency), right=True),
        ListColumn(
            "payment",
            "payment_method",
            lambda row: plain(row.paid.name),
            ratio=2,
            wanted=lambda rows: any(row.paid.name for row in rows),
        ),
        ListColumn("customer", "customer_name", lambda row: plain(row.order.customer_name) or "erased", ratio=3),
        ListColumn(
            "attention",
            "attention",
            lambda row: attention(row.order.attention),
            ratio=2,
            wanted=lambda rows: any(row.order.attention for row in rows),
        ),
    ]
    names = [field.name for kind in (Order, PaidWith) for field in fields(kind)]
    return ListKind(columns, names, "number", listed_object, registered(COLUMNS.values(), View(now)))


def listed_object(row: OrderRow) -> dict[str, Any]:
    """Return the JSON of an order in a list."""
    more = {"items": tuple(f"{item.quantity} × {item.sku}" for item in row.items), "owner": row.owner}
    event = None if row.last_event is None else row.last_event.type
    return keys(row.order) | keys(row.paid) | more | {"due_by": row.due_by, "last_event": event}


def masked_view(view: OrderView) -> OrderView:
    """Return an order as its page shows it with CHECKOUT_MASK. Of the address only the country is left."""
    sent = view.shipping
    if sent is not None:
        tracking = [masked(text) if text else "" for text in (sent.tracking_number, sent.tracking_url)]
        address = Address(sent.address.country)
        sent = replace(sent, address=address, tracking_number=tracking[0], tracking_url=tracking[1])
    return replace(view, order=masked_order(view.order), items=view.public_items, shipping=sent)


def print_order(
    view: OrderView,
    actions: Sequence[ActionLine],
    care: Care | None,
    time_zone: str,
    *,
    then: OrderThen | None = None,
) -> None:
    """Print one order in sections. Omit empty sections, and operator actions already shown under Changes.

    `then`: of what time the view is.
    """
    printer = console()
    order = view.order
    title = Text.assemble((f"Order {order.number}", "bold"), "  ", status_text("order", order.status))
    printer.print(title, soft_wrap=True)
    more = {} if care is None else _care(care, time_zone)
    print_facts(_facts(order, time_zone) | more if then is None else _facts_then(order, then, time_zone))
    for name, lines in _sections(view, actions, time_zone).items():
        if lines:
            printer.print()
            printer.print(Text(name, style="bold"), soft_wrap=True)
            for line in lines:
                printer.print(Text(_INDENT).append(line), soft_wrap=True)


def _care(care: Care, zone: str) -> dict[str, Line]:
    until = care.snoozed_until
    return {"Owner": plain(care.owner or ""), "Snoozed": "" if until is None else f"until {local_time(until, zone)}"}


def _facts_then(order: Order, then: OrderThen, zone: str) -> dict[str, Line]:
    facts = {"As of": local_time(then.at, zone)} | _facts(order, zone)
    if not then.attention_known:
        facts["Attention"] = Text("not known any more", style="dim")
    return facts | {"Changed since": ", ".join(map(plain, then.changed_since))}


def _facts(order: Order, zone: str) -> dict[str, Line]:
    total = money(order.amount_total, order.currency)
    if order.amount_discount:
        code = f" with {plain(order.discount_code)}" if order.discount_code else ""
        discount = money(order.amount_discount, order.currency)
        total += f" ({money(order.amount_subtotal, order.currency)} less {discount}{code})"
    if order.amount_shipping is not None:
        total += f", with {money(order.amount_shipping, order.currency)} of shipping"
    if order.amount_tax is not None:
        total += f", includes {money(order.amount_tax, order.currency)} of tax"
    customer = ", ".join(filter(None, map(plain, (order.customer_name, order.customer_email, order.customer_phone))))
    return {
        "Attention": attention(order.attention),
        "Total": total,
        "Refunded": money(order.amount_refunded, order.currency) if order.amount_refunded else "",
        "Customer": customer or "erased",
        "Created": local_time(order.created_at, zone),
        "Paid": local_time(order.paid_at, zone) if order.paid_at else "",
        "Shipped": local_time(order.shipped_at, zone) if order.shipped_at else "",
        "Updated": local_time(order.updated_at, zone),
        "Mode": "live" if order.livemode else "test",
        "Imported": f"from {plain(order.imported_from)}" if order.imported_from else "",
        "Id": order.id,
    }


def _sections(view: OrderView, actions: Sequence[ActionLine], zone: str) -> dict[str, Sequence[Line]]:
    currency = view.order.currency
    width = max((len(event.type) for event in view.events), default=0)
    return {
        "Items": [
            f"{item.quantity:>4} × {plain(item.name)} ({plain(item.sku)})  {money(item.amount, currency)}"
            + (f"  less {money(item.amount_discount, currency)}" if item.amount_discount else "")
            for item in view.items
        ],
        "Shipping": [] if view.shipping is None else _shipping(view.shipping),
        "Taxes": [
            f"{line.percent.normalize():f} % {plain(line.tax_class)}: {money(line.amount, currency)} of "
            f"{money(line.amount_gross, currency)}"
            for line in view.taxes
        ],
        "Sessions": [
            Text.assemble(
                f"{session.id}\n    attempt {session.attempt}, ",
                status_text("session", session.status),
                ", ",
                status_text("payment_status", session.payment_status),
                f", created {local_time(session.created_at, zone)}, expires {local_time(session.expires_at, zone)}",
                f"\n    {plain(session.url)}" if session.status == "open" and session.url else "",
            )
            for session in view.sessions
        ],
        "Payments": [_payment(payment, zone) for payment in view.payments],
        "Charges": [_charge(charge, zone) for charge in view.charges],
        "Refunds": [
            Text.assemble(
                f"{refund.id}  {money(refund.amount, refund.currency)}  ",
                status_text("refund", refund.status),
                f"  {local_time(refund.created_at, zone)}",
                f"\n    {plain(items_text(refund.items))}" if refund.items else "",
            )
            for refund in view.refunds
        ],
        "Disputes": [
            Text.assemble(
                f"{dispute.id}  {money(dispute.amount, dispute.currency)}  ",
                status_text("dispute", dispute.status),
                f", {words(plain(dispute.reason))}" if dispute.reason else "",
                f", respond by {local_time(dispute.due_by, zone)}" if dispute.due_by else "",
                f", funds {dispute.funds}" if dispute.funds else "",
            )
            for dispute in view.disputes
        ],
        "Fraud warnings": [
            Text.assemble(
                f"{warning.id}  {money(warning.amount, warning.currency)}",
                f"  {words(plain(warning.fraud_type))}" if warning.fraud_type else "",
                "" if warning.actionable else ", no longer actionable",
                f", decided: {warning.decision}" if warning.decision else "",
                f"  {local_time(warning.created_at, zone)}",
            )
            for warning in view.fraud_warnings
        ],
        "Events": [
            Text.assemble(
                f"{local_time(event.received_at, zone)}  {plain(event.type):<{width}}  ",
                status_text("event", event.status),
                f"  {event.id}",
                f"\n    {plain(event.last_error)}" if event.last_error and event.status != "applied" else "",
            )
            for event in view.events
        ],
        "Changes": [change_line(change, zone) for change in view.changes],
        "Operators": [_action(action, zone) for action in _not_under_changes(view, actions)],
    }


def _shipping(shipping: OrderShipping) -> list[Line]:
    tracking = ", ".join(filter(None, (shipping.carrier, shipping.tracking_number, shipping.tracking_url)))
    lines = [", ".join(filter(None, (shipping.label, shipping.estimate))), *shipping.address.lines(), tracking]
    return [plain(line) for line in lines if line]


def _payment(payment: PaymentLine, zone: str) -> Line:
    state = Text("valid", style="green") if payment.valid else Text("not valid", style="bold red")
    mode = " (live)" if payment.livemode else ""
    return Text.assemble(
        f"{payment.id}  {money(payment.amount, payment.currency)}{mode}  ",
        state,
        f"  {local_time(payment.paid_at, zone)}",
    )


def _charge(charge: ChargeLine, zone: str) -> Line:
    reasons = plain(", ".join(filter(None, (charge.declined, charge.risk))))
    return Text.assemble(
        f"{charge.id}  {plain(charge.described)}  ",
        status_text("charge", charge.status),
        f"  {local_time(charge.created_at, zone)}",
        f"\n    {reasons}" if reasons else "",
    )


def _not_under_changes(view: OrderView, actions: Sequence[ActionLine]) -> list[ActionLine]:
    """Return the operator actions that no change shows, or whose reason it does not."""
    _, unlisted = split_changes(view.changes, actions)
    notes = {change.note for change in view.changes} | {None, ""}
    return [action for action in actions if action in unlisted or action.note not in notes]


def _action(action: ActionLine, zone: str) -> str:
    details = ", ".join(f"{words(name)} {plain(text)}" for name, text in action.details)
    note = f": {plain(action.note)}" if action.note else ""
    return f"{local_time(action.at, zone)}  {action.kind}  ({plain(action.actor)}{note})" + (
        f"\n    {details}" if details else ""
    )


def change_line(change: ChangeLine, zone: str, number: str = "") -> str:
    """Return a change on one line, after the number of its order if given."""
    return (
        f"{local_time(change.at, zone)}  {number}{transition(change)}  "
        f"({change.cause}, {plain(change.actor)}{remark(change)})"
    )


def print_explanation(explanation: Explanation) -> None:
    """Print why an order has its status, and the commands that change it."""
    printer = console()
    title = Text.assemble((f"Order {explanation.number}", "bold"), "  ", status_text("order", explanation.status))
    if explanation.attention:
        title.append("  ").append(attention(explanation.attention))
    printer.print(title, soft_wrap=True)
    for finding in explanation.findings:
        printer.print()
        for line in _wrapped(finding.description):
            printer.print(line, soft_wrap=True)
        if finding.next is not None:
            for line in _wrapped(f"Next: {finding.next}"):
                printer.print(Text(line, style="dim"), soft_wrap=True)
        if finding.page is not None:
            printer.print(f"{_INDENT}→ {plain(finding.page)}", soft_wrap=True, markup=False)
        if finding.command is not None:
            printer.print(Text.assemble(f"{_INDENT}→ ", (plain(finding.command), "bold")), soft_wrap=True)


def _wrapped(text: str) -> Iterable[str]:
    return wrap(plain(text), _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)


def view_object(view: OrderView) -> dict[str, Any]:
    """Return the JSON of `orders show`: the keys of the order, and the lists of what belongs to it."""
    names = ("items", "sessions", "payments", "charges", "refunds", "disputes", "fraud_warnings", "events")
    lists = {name: getattr(view, name) for name in names}
    lists |= {"shipping": view.shipping, "taxes": view.taxes}
    return keys(view.order) | lists | {"changes": [change_object(change) for change in view.changes]}


def then_object(then: OrderThen) -> dict[str, Any]:
    """Return what `orders show --at` adds to the JSON of an order."""
    attention = {} if then.attention_known else {"attention": None}
    return {"at": then.at, "changed_since": then.changed_since} | attention


def change_object(change: ChangeLine) -> dict[str, Any]:
    """Return a change as JSON."""
    return {
        "seq": change.seq,
        "order_id": change.order_id,
        "at": change.at,
        "from": change.from_status,
        "to": change.to_status,
        "cause": change.cause,
        "actor": change.actor,
        "note": change.note,
    }
