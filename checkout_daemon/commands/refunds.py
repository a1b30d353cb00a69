"""`checkout orders refund`."""

from __future__ import annotations

from checkout_daemon.commands.output import answer, confirm, print_json, say
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.domain.money import format_money
from checkout_daemon.present.text import words
from checkout_daemon.runtime import Runtime
from checkout_daemon.services import refunding
from checkout_daemon.services.lookup import find_order
from checkout_daemon.services.operators import this_operator
from checkout_daemon.services.refund_rules import RefundWish
from checkout_daemon.services.refunding import Refunded


def refund(
    text: str, amount: int | None, payment_id: str | None, reason: str | None, note: str, *, yes: bool, as_json: bool
) -> int:
    async def work(runtime: Runtime) -> Refunded:
        order = await find_order(runtime.database, text)
        planned = await refunding.plan_refund(runtime.database, order.id, RefundWish(amount, payment_id, reason))
        money = format_money(planned.amount, planned.currency)
        left = format_money(planned.left_afterwards, planned.currency) if planned.left_afterwards else "nothing"
        confirm(f"Refund {money} of {planned.payment_id}, order {order.number}? Then {left} is left of it.", yes=yes)
        # What was confirmed, to the unit, also where something changed meanwhile.
        wish = RefundWish(planned.amount, planned.payment_id, reason)
        return await refunding.refund(runtime, order.id, wish, operator=this_operator(), note=note)

    done = with_runtime(work)
    if as_json:
        print_json(done)
    else:
        answer(done.refund_id)
        say(
            f"Refunded {format_money(done.amount, done.currency)} of order {done.number}: {words(done.status)}. "
            f"The order is {words(done.order_status)}, {format_money(done.amount_refunded, done.currency)} given back."
        )
    return 0
