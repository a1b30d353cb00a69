"""Refunds an order's payment: asks what and why, shows what that gives back, and does it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkout_daemon.audit.operators import this_operator
from checkout_daemon.orders import refunding
from checkout_daemon.orders.attention_commands import left_of_payments
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.orders.refund_items import items_text
from checkout_daemon.orders.refund_rules import RefundOptions, RefundPlan, prevents_refund
from checkout_daemon.present.money import money
from checkout_daemon.present.text import plain, words
from checkout_daemon.proposals.proposing import refund_or_propose
from checkout_daemon.proposals.records import Proposal
from checkout_daemon.stock.counting import takes_stock

from .dialogs import Ask, Choose
from .refund_box import RefundBox, RefundChoice

if TYPE_CHECKING:
    from .order_actions import OrderActions


async def refund(screen: OrderActions, view: OrderView) -> None:
    """Ask what to refund and why, have it confirmed with the order's number, and refund it."""
    context, order_id = screen.app_context, view.order.id
    async with screen.doing(screen.command_for("orders", "refund")):
        payment_id: str | None = None  # with None the service takes the only one
        if len(payments := _payments(view)) > 1:
            payment_id = await screen.ask(Choose("Refund which payment?", payments))
            if payment_id is None:
                screen.canceled()
                return
        mode, options = context.livemode, RefundOptions(None, payment_id)
        whole = await refunding.plan_refund(context.database, order_id, options, livemode=mode)
        items = await refunding.refundable_items(context.database, whole)
        names = {item.sku: item.name for item in view.items}
        choice = await screen.ask(RefundBox(whole.amount, whole.currency, items, names))
        if choice is None:
            screen.canceled()
            return
        amount = whole.amount if choice.amount is None and not choice.items else choice.amount
        options = RefundOptions(amount, whole.payment_id, choice.reason, choice.items)
        plan = await refunding.plan_refund(context.database, order_id, options, livemode=mode)
        restock = await _ask_restock(screen, plan)
        if restock is None or await screen.ask(_confirmation(screen, plan, choice)) is None:
            screen.canceled()
            return
        payment = ("--payment", plan.payment_id) if payment_id else ()
        back = ("--restock",) if restock else ()
        screen.show_command(screen.command_for("orders", "refund", rest=(*_arguments(plan, choice), *payment, *back)))
        options = plan.confirmed(choice.reason, restock=restock)
        done = await refund_or_propose(context.runtime, order_id, options, operator=this_operator(), note=choice.note)
        if isinstance(done, Proposal):
            screen.done(f"Above your limit: proposal {done.number} waits for another operator")
            return
        screen.done(f"Refunded {money(done.amount, done.currency)}: {words(done.status)}")


def _payments(view: OrderView) -> list[tuple[str, str]]:
    """Return the payments that can be refunded, with what is left of them."""
    disputed = {dispute.payment_id for dispute in view.disputes if prevents_refund(dispute.status)}
    currencies = {payment.id: payment.currency for payment in view.payments}
    return [
        (payment_id, f"{money(left, currencies[payment_id])}  {payment_id}")
        for payment_id, left in left_of_payments(view).items()
        if left and payment_id not in disputed
    ]


async def _ask_restock(screen: OrderActions, plan: RefundPlan) -> bool | None:
    """Ask whether what is refunded goes back into stock, if it is counted; None: the question was dismissed.

    A part that is not of items puts nothing back.
    """
    if plan.left_afterwards and not plan.items:
        return False
    if not await takes_stock(screen.app_context.database, plan.order_id):
        return False
    answers = [("no", "No, it does not come back"), ("yes", "Yes, put it back into stock")]
    answer = await screen.ask(Choose("Restock what is refunded?", answers))
    return None if answer is None else answer == "yes"


def _confirmation(screen: OrderActions, plan: RefundPlan, choice: RefundChoice) -> Ask:
    real = "LIVE MODE: this is real money.\n\n" if screen.app_context.livemode else ""
    refunded, left = money(plan.amount, plan.currency), money(plan.left_afterwards, plan.currency)
    details = [f"\nItems: {plain(items_text(plan.items))}"] if plan.items else []
    details += [f"\nReason: {words(choice.reason)}"] if choice.reason else []
    details += [f"\nNote: {plain(choice.note)}"] if choice.note else []
    question = f"{real}Refund {refunded} of {plan.payment_id}.{''.join(details)}\nThis leaves {left}."
    last = f"Type the order's number, {plan.number}, to confirm."
    return Ask("Refund", question, must_be=str(plan.number), last=last)


def _arguments(plan: RefundPlan, choice: RefundChoice) -> tuple[object, ...]:
    items = [part for item in plan.items for part in ("--item", f"{item.sku}:{item.quantity}")]
    return (
        *(items or ("--amount", plan.amount)),
        *(("--reason", choice.reason) if choice.reason else ()),
        *(("--note", choice.note) if choice.note else ()),
    )
