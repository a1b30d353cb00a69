"""`checkout orders refund`, `cancel`, `recover`, `erase`, `ack` and `note`: the commands that change an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.options import json_option, note_option, order_argument, yes_option
from checkout_daemon.commands.output import answer, confirm, print_json, say
from checkout_daemon.commands.running import with_database, with_runtime
from checkout_daemon.commands.typed import TERM, OneOf, Whole
from checkout_daemon.model.orders import AttentionCode
from checkout_daemon.present.text import counted, words

if TYPE_CHECKING:
    from checkout_daemon.database.pool import Database
    from checkout_daemon.model.orders import Order
    from checkout_daemon.orders.erasing import Erased, ErasurePlan
    from checkout_daemon.orders.notes import Acknowledged
    from checkout_daemon.orders.refunding import Refunded
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings
    from checkout_daemon.stripe_sync.recovering import Recovered

_REFUND_REASONS = ("duplicate", "fraudulent", "requested_by_customer")


@click.command("refund", cls=Command)
@order_argument()
@click.option("--amount", type=Whole(1), metavar="MINOR", help="Refund this amount, in minor units.  [default: all]")
@click.option(
    "--payment", "payment_id", type=TERM, metavar="ID", help="Refund this payment (pi_…) of an order with several."
)
@click.option("--reason", type=OneOf(_REFUND_REASONS), metavar="REASON", help="Tell Stripe the reason; see above.")
@note_option
@yes_option
@json_option
def orders_refund(
    order: str, amount: int | None, payment_id: str | None, reason: str | None, note: str, yes: bool, as_json: bool
) -> int:
    """Refund a payment, in full or in part.

    Works for a second payment too, and for one that does not match its order. REASON is duplicate, fraudulent or
    requested_by_customer. Stripe refunds only once, even if the command is interrupted and repeated.

    Example:
      checkout orders refund 1001 --amount 500 --note "one was broken"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.orders import refunding
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.orders.refund_rules import RefundOptions
    from checkout_daemon.present.money import money

    async def work(runtime: Runtime) -> Refunded:
        found = await find_order(runtime.database, order)
        planned = await refunding.plan_refund(runtime.database, found.id, RefundOptions(amount, payment_id, reason))
        left = money(planned.left_afterwards, planned.currency) if planned.left_afterwards else "nothing"
        confirm(
            f"Refund {money(planned.amount, planned.currency)} of {planned.payment_id}, order {found.number}? "
            f"This leaves {left} of the payment.",
            yes=yes,
        )
        # Exactly the amount that was confirmed, even if something changed in the meantime.
        options = RefundOptions(planned.amount, planned.payment_id, reason)
        return await refunding.refund(runtime, found.id, options, operator=this_operator(), note=note)

    done = with_runtime(work)
    if as_json:
        print_json(done)
    else:
        answer(done.refund_id)
        say(
            f"Refunded {money(done.amount, done.currency)} of order {done.number}: {words(done.status)}. "
            f"The order is {words(done.order_status)}, {money(done.amount_refunded, done.currency)} refunded in total."
        )
    return 0


@click.command("cancel", cls=Command)
@order_argument()
@note_option
@yes_option
@json_option
def orders_cancel(order: str, note: str, yes: bool, as_json: bool) -> int:
    """Cancel an unpaid order.

    Expires its sessions at Stripe first, so that nobody can pay it. If Stripe does not answer, nothing is canceled.

    Example:
      checkout orders cancel 1001 --note "ordered twice"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.checkout.canceling import cancel_order, check_cancelable
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.present.money import money

    async def work(runtime: Runtime) -> Order:
        found = await check_cancelable(runtime.database, (await find_order(runtime.database, order)).id)
        total = money(found.amount_total, found.currency)
        confirm(
            f"Cancel order {found.number} of {total}? It can never be paid after that; this cannot be undone.", yes=yes
        )
        return await cancel_order(runtime, found.id, operator=this_operator(), note=note)

    canceled = with_runtime(work)
    if as_json:
        print_json(canceled)
    else:
        say(f"Order {canceled.number} is canceled; none of its sessions can be paid.")
    return 0


@click.command("recover", cls=Command)
@click.argument("session", type=TERM, metavar="SESSION")
@note_option
@yes_option
@json_option
def orders_recover(session: str, note: str, yes: bool, as_json: bool) -> int:
    """Recover an order that this database has lost.

    Reads items, customer, amounts and number from its paid Checkout Session at Stripe (cs_…), for example after an
    older backup was restored. `checkout doctor` and `checkout reconcile` list such sessions. An order that exists is
    not changed.

    Example:
      checkout orders recover cs_live_a1B2c3 --note "after the restore"
    """
    from dataclasses import asdict

    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.present.money import money
    from checkout_daemon.stripe_sync.recovering import plan_recovery, recover_order

    async def work(runtime: Runtime) -> Recovered:
        plan = await plan_recovery(runtime, session)
        if not plan.exists:
            number = f" {plan.named.number}" if plan.named.number else ""
            total = money(plan.amount_total, plan.currency)
            confirm(
                f"Recover order{number} of {total} from {session}? Its customer gets the mails that are due.", yes=yes
            )
        return await recover_order(runtime, plan, operator=this_operator(), note=note)

    done = with_runtime(work)
    order = done.order
    if as_json:
        print_json(asdict(order) | {"recovered": done.recovered})
    else:
        answer(str(order.number))
        how = f"was recovered from {session}" if done.recovered else "already exists"
        say(f"Order {order.number} of {money(order.amount_total, order.currency)} {how}: it is {words(order.status)}.")
    if done.not_compared is not None:
        say(f"Its refunds and disputes were not compared: {done.not_compared}")
        say(f"`checkout sessions sync {order.number}` compares them.")
    return 0


@click.command("erase", cls=Command)
@order_argument()
@click.option("--customer", is_flag=True, help="Erase the customer from all orders with the same email.")
@note_option
@yes_option
@json_option
def orders_erase(order: str, note: str, *, customer: bool, yes: bool, as_json: bool) -> int:
    """Erase a customer's data, and keep the books.

    Deletes name, email and phone, links to pay, notes, waiting mails and the payloads of Stripe's events. Keeps
    amounts, ids and the record of what was done.

    Example:
      checkout orders erase 1001 --note "asked on 3 May"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.orders import erasing
    from checkout_daemon.orders.lookup import find_order

    async def work(database: Database, _: Settings) -> tuple[ErasurePlan, Erased]:
        found = await find_order(database, order)
        plan = await erasing.plan_erasure(database, found.id, customer=customer)
        confirm(f"Erase the customer of {_numbers(plan)}? This cannot be undone.", yes=yes)
        return plan, await erasing.erase(database, plan, operator=this_operator(), note=note)

    plan, erased = with_database(work)
    if as_json:
        print_json({"orders": erased.orders, "payloads_removed": erased.payloads, "others_of_customer": plan.others})
        return 0
    payloads = counted(erased.payloads, "event payload")
    say(f"Erased the customer of {_numbers(plan)}, with {payloads}; amounts and ids stay.")
    if plan.others:
        numbers = ", ".join(map(str, plan.others))
        say(
            f"Not erased, with the same email: {numbers}. "
            f"`checkout orders erase {plan.others[0]} --customer` erases all of them."
        )
    say("Not erased: data at Stripe, and backups of this database.")
    return 0


def _numbers(plan: ErasurePlan) -> str:
    numbers = ", ".join(str(order.number) for order in plan.orders)
    return f"order {numbers}" if len(plan.orders) == 1 else f"orders {numbers}"


@click.command("ack", cls=Command)
@order_argument()
@click.argument("reason", type=OneOf(AttentionCode), metavar="REASON")
@note_option
@json_option
def orders_ack(order: str, reason: str, note: str, as_json: bool) -> int:
    """Acknowledge that an order's attention is resolved.

    REASON is what the order needs attention for, such as paid_twice. It comes back if the same happens again.

    Example:
      checkout orders ack 1001 paid_twice --note "wanted both"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.orders.notes import acknowledge

    async def work(database: Database, _: Settings) -> Acknowledged:
        found = await find_order(database, order)
        return await acknowledge(database, found.id, reason, operator=this_operator(), note=note)

    done = with_database(work)
    if as_json:
        print_json(done.order)
    else:
        left = ", ".join(map(words, done.order.attention))
        rest = f"; it still needs attention for {left}." if left else "; it needs no other attention."
        say(f"Order {done.order.number} no longer needs attention for {words(reason)}" + rest)
    return 0


@click.command("note", cls=Command)
@order_argument()
@click.argument("text")
@json_option
def orders_note(order: str, text: str, as_json: bool) -> int:
    """Add a note to an order's history.

    Example:
      checkout orders note 1001 "called: pays on Friday"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.orders.notes import note_order

    async def work(database: Database, _: Settings) -> Order:
        found = await find_order(database, order)
        return await note_order(database, found.id, text, operator=this_operator())

    noted = with_database(work)
    if as_json:
        print_json(noted)
    else:
        say(f"Noted: `checkout orders show {noted.number}` shows it under Changes.")
    return 0
