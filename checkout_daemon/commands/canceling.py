"""`checkout orders cancel`."""

from __future__ import annotations

from checkout_daemon.commands.output import confirm, print_json, say
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.domain.money import format_money
from checkout_daemon.domain.orders import Order
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.canceling import cancel_order, check_cancelable
from checkout_daemon.services.lookup import find_order
from checkout_daemon.services.operators import this_operator


def cancel(text: str, note: str, *, yes: bool, as_json: bool) -> int:
    async def work(runtime: Runtime) -> Order:
        found = await find_order(runtime.database, text)
        order = await check_cancelable(runtime.database, found.id)
        money = format_money(order.amount_total, order.currency)
        confirm(f"Cancel order {order.number} of {money}? Nobody can pay it then, and this has no way back.", yes=yes)
        return await cancel_order(runtime, order.id, operator=this_operator(), note=note)

    order = with_runtime(work)
    if as_json:
        print_json(order)
    else:
        say(f"Order {order.number} is canceled; none of its sessions can be paid any more.")
    return 0
