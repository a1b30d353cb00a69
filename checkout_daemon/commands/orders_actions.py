"""`checkout orders refund`, `cancel`, `recover`, `erase`, `ack` and `note`: the commands that change an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from checkout_daemon.commands.asking import choose, confirm
from checkout_daemon.commands.base import Command
from checkout_daemon.commands.completers import complete_reasons
from checkout_daemon.commands.interrupting import under_way
from checkout_daemon.commands.options import (
    amount_option,
    dry_run_option,
    json_option,
    note_option,
    order_argument,
    quiet_option,
    restock_option,
    yes_option,
)
from checkout_daemon.commands.output import answer, print_json, say, say_dry_run
from checkout_daemon.commands.running import with_database, with_runtime
from checkout_daemon.commands.several import PAYABLE, several_orders
from checkout_daemon.commands.typed import TERM, OneOf
from checkout_daemon.model.orders import REFUND_REASONS, AttentionCode
from checkout_daemon.present.text import counted, words

if TYPE_CHECKING:
    from checkout_daemon.database.pool import Database
    from checkout_daemon.model.orders import Order
    from checkout_daemon.model.typed_money import TypedMoney
    from checkout_daemon.orders.erasing import Erased, ErasurePlan
    from checkout_daemon.orders.notes import Acknowledged
    from checkout_daemon.orders.refund_rules import RefundPlan
    from checkout_daemon.orders.refunding import Refunded
    from checkout_daemon.runtime import Runtime
    from checkout_daemon.settings import Settings
    from checkout_daemon.stripe_sync.recovering import Recovered


@click.command("refund", cls=Command)
@several_orders("refund", single=["payment_id", "items"])
@amount_option
@click.option(
    "--item",
    "items",
    multiple=True,
    type=TERM,
    metavar="SKU[:QTY]",
    help="Refund this item, at what it cost after the discount; repeatable.",
)
@click.option(
    "--payment", "payment_id", type=TERM, metavar="ID", help="Refund this payment (pi_…) of an order with several."
)
@click.option("--reason", type=OneOf(REFUND_REASONS), metavar="REASON", help="Tell Stripe the reason; see above.")
@restock_option
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def orders_refund(
    order: str,
    amount: int | TypedMoney | None,
    items: tuple[str, ...],
    payment_id: str | None,
    reason: str | None,
    restock: bool | None,
    dry_run: bool,
    note: str,
    yes: bool,
    as_json: bool,
) -> int:
    """Refund a payment, in full or in part.

    Works for a second payment too, and for one that does not match its order. REASON is duplicate, fraudulent or
    requested_by_customer. Without QTY, --item refunds all of the item that is left. Stripe refunds only once, even if
    the command is interrupted and repeated. Several orders are a batch: see `checkout batches`. --restock puts what is
    refunded back into stock, once Stripe has made the refund.
    What is above your limit becomes a proposal: see `checkout proposals`.

    AMOUNT without decimals and currency is in minor units: 10 is €0.10. Write €10 or 10.00 for ten euros.

    Example:
      checkout orders refund 1001 --amount 500 --note "one was broken"
      checkout orders refund 1001 --item NOTE:1 --item PEN
      checkout orders refund 1001 1002 1003 --dry-run
    """
    from dataclasses import replace

    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.commands.proposals import say_proposed
    from checkout_daemon.model.typed_money import minor_units
    from checkout_daemon.orders import refunding
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.orders.refund_items import items_text, read_wanted_of
    from checkout_daemon.orders.refund_rules import RefundOptions
    from checkout_daemon.present.money import money
    from checkout_daemon.proposals.proposing import refund_or_propose
    from checkout_daemon.proposals.records import Proposal

    if amount is not None and items:
        raise click.UsageError("give --amount or --item, not both")

    async def work(runtime: Runtime) -> Refunded | Proposal | None:
        found, livemode = await find_order(runtime.database, order), runtime.settings.livemode
        named = await read_wanted_of(runtime.database, found.id, items)
        wanted = RefundOptions(None, payment_id, reason, named, bool(restock))
        if amount is not None:
            whole = await refunding.plan_refund(runtime.database, found.id, wanted, livemode=livemode)
            wanted = replace(wanted, amount=minor_units(amount, whole.currency))
        planned = await refunding.plan_refund(runtime.database, found.id, wanted, livemode=livemode)
        if dry_run:
            would = {name: getattr(planned, name) for name in ("payment_id", "amount", "currency", "left_afterwards")}
            would |= {"items": planned.items if as_json else items_text(planned.items)}
            say_dry_run({"order_id": found.id, "number": found.number} | would, as_json=as_json)
            return None
        back = await _goes_back(runtime, planned, restock, yes=yes)
        left = money(planned.left_afterwards, planned.currency) if planned.left_afterwards else "nothing"
        chosen = f" for {items_text(planned.items)}" if planned.items else ""
        confirm(
            f"Refund {money(planned.amount, planned.currency)}{chosen} of {planned.payment_id}, order {found.number}? "
            f"This leaves {left} of the payment.",
            yes=yes,
        )
        # Exactly the amount and items that were confirmed, even if something changed in the meantime.
        options = planned.confirmed(reason, restock=back)
        with under_way("refund", f"orders explain {found.number}"):
            return await refund_or_propose(runtime, found.id, options, operator=this_operator(), note=note)

    done = with_runtime(work)
    if done is None:
        return 0
    if isinstance(done, Proposal):
        say_proposed(done, as_json=as_json)
        return 0
    if as_json:
        print_json(done)
    else:
        answer(done.refund_id)
        chosen = f" for {items_text(done.items)}" if done.items else ""
        say(
            f"Refunded {money(done.amount, done.currency)}{chosen} of order {done.number}: {words(done.status)}. "
            f"The order is {words(done.order_status)}, {money(done.amount_refunded, done.currency)} refunded in total."
        )
    return 0


async def _goes_back(runtime: Runtime, planned: RefundPlan, restock: bool | None, *, yes: bool) -> bool:
    """Return whether what is refunded goes back into stock; ask if that is not given and something is counted."""
    from checkout_daemon.stock.counting import takes_stock

    if restock is not None or (planned.left_afterwards and not planned.items):
        return bool(restock)
    if not await takes_stock(runtime.database, planned.order_id):
        return False
    return choose("Put what is refunded back into stock?", yes=yes, otherwise=False)


@click.command("cancel", cls=Command)
@several_orders("cancel", statuses=PAYABLE)
@restock_option
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def orders_cancel(order: str, restock: bool | None, dry_run: bool, note: str, yes: bool, as_json: bool) -> int:
    """Cancel an unpaid order.

    Expires its sessions at Stripe first, so that nobody can pay it. If Stripe does not answer, nothing is canceled.
    STATUS is pending, failed or expired. What is reserved for it goes back on sale, unless with --no-restock: then it
    leaves the stock.

    Example:
      checkout orders cancel 1001 --note "ordered twice"
      checkout orders cancel --status expired --until 30d --dry-run
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.checkout.canceling import cancel_order, check_cancelable
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.present.money import money
    from checkout_daemon.stock.counting import takes_stock

    async def work(runtime: Runtime) -> Order | None:
        order_id, livemode = (await find_order(runtime.database, order)).id, runtime.settings.livemode
        found = await check_cancelable(runtime.database, order_id, livemode=livemode)
        if dry_run:
            would = {"order_id": found.id, "number": found.number, "status_before": found.status, "status": "canceled"}
            say_dry_run(would | {"amount_total": found.amount_total, "currency": found.currency}, as_json=as_json)
            return None
        total = money(found.amount_total, found.currency)
        confirm(
            f"Cancel order {found.number} of {total}? It can never be paid after that; this cannot be undone.", yes=yes
        )
        back = True
        if restock is not None:
            back = restock
        elif await takes_stock(runtime.database, found.id):
            back = choose("Put what is reserved for it back on sale?", yes=yes, otherwise=True)
        return await cancel_order(runtime, found.id, operator=this_operator(), note=note, restock=back)

    canceled = with_runtime(work)
    if canceled is None:
        return 0
    if as_json:
        print_json(canceled)
    else:
        say(f"Order {canceled.number} is canceled; none of its sessions can be paid.")
    return 0


@click.command("recover", cls=Command)
@click.argument("session", type=TERM, metavar="SESSION")
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def orders_recover(session: str, dry_run: bool, note: str, yes: bool, as_json: bool) -> int:
    """Recover an order that this database has lost.

    Reads items, customer, amounts and number from its paid Checkout Session at Stripe (cs_…), for example after an
    older backup was restored. `checkout doctor` and `checkout reconcile` list such sessions. An order that exists is
    updated from Stripe, as by `checkout sessions sync`.

    Example:
      checkout orders recover cs_live_a1B2c3 --note "after the restore"
    """
    from dataclasses import asdict

    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.present.money import money
    from checkout_daemon.stripe_sync.recovering import plan_recovery, recover_order

    async def work(runtime: Runtime) -> Recovered | None:
        plan = await plan_recovery(runtime, session)
        if dry_run:
            would = {"number": plan.named.number, "amount_total": plan.amount_total, "currency": plan.currency}
            say_dry_run(would | {"session_id": session, "recovered": not plan.exists}, as_json=as_json)
            return None
        if not plan.exists:
            number = f" {plan.named.number}" if plan.named.number else ""
            total = money(plan.amount_total, plan.currency)
            confirm(
                f"Recover order{number} of {total} from {session}? Its customer gets the mails that are due.", yes=yes
            )
        return await recover_order(runtime, plan, operator=this_operator(), note=note)

    done = with_runtime(work)
    if done is None:
        return 0
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
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def orders_erase(order: str, dry_run: bool, note: str, *, customer: bool, yes: bool, as_json: bool) -> int:
    """Erase a customer's data, and keep the books.

    Deletes name, email, phone and address, links to pay, notes, waiting mails and the payloads of Stripe's events.
    Keeps amounts, taxes, the country, ids and the record of what was done.

    Example:
      checkout orders erase 1001 --note "asked on 3 May"
    """
    from checkout_daemon.audit.operators import this_operator
    from checkout_daemon.orders import erasing
    from checkout_daemon.orders.lookup import find_order
    from checkout_daemon.present.money import extent

    async def work(database: Database, _: Settings) -> tuple[ErasurePlan, Erased] | None:
        found = await find_order(database, order)
        plan = await erasing.plan_erasure(database, found.id, customer=customer)
        if dry_run:
            numbers = [order.number for order in plan.orders]
            say_dry_run({"numbers": numbers, "others_of_customer": plan.others}, as_json=as_json)
            return None
        concerned = extent((order.amount_total, order.currency) for order in plan.orders)
        several = f" ({concerned})" if len(plan.orders) > 1 else ""
        confirm(f"Erase the customer of {_numbers(plan)}{several}? This cannot be undone.", yes=yes)
        return plan, await erasing.erase(database, plan, operator=this_operator(), note=note)

    done = with_database(work)
    if done is None:
        return 0
    plan, erased = done
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
@several_orders("ack")
@click.argument("reason", type=OneOf(AttentionCode), metavar="REASON", shell_complete=complete_reasons)
@dry_run_option
@note_option
@yes_option
@quiet_option
@json_option
def orders_ack(order: str, reason: str, note: str, as_json: bool) -> int:
    """Acknowledge that an order's attention is resolved.

    REASON is what the order needs attention for, such as paid_twice. It comes back if the same happens again.

    Example:
      checkout orders ack 1001 paid_twice --note "wanted both"
      checkout orders ack --attention dispute_lost --note "written off"
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


def _note_text(_: click.Context, __: click.Parameter, text: str) -> str:
    from checkout_daemon.audit.audit_log import check_note

    if not check_note(text):
        raise click.UsageError("a note needs text")
    return text


@click.command("note", cls=Command)
@several_orders("note")
@click.argument("text", callback=_note_text)
@dry_run_option
@yes_option
@quiet_option
@json_option
def orders_note(order: str, text: str, as_json: bool) -> int:
    """Add a note to an order's history.

    Example:
      checkout orders note 1001 "called: pays on Friday"
      checkout orders note --search Muster "has moved"
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
