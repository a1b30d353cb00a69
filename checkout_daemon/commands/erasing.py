"""`checkout orders erase`."""

from __future__ import annotations

from checkout_daemon.commands.output import confirm, print_json, say
from checkout_daemon.commands.running import with_database
from checkout_daemon.present.text import counted
from checkout_daemon.services import erasing
from checkout_daemon.services.erasing import Erased, Plan, plan_erasure
from checkout_daemon.services.lookup import find_order
from checkout_daemon.services.operators import this_operator
from checkout_daemon.settings import Settings
from checkout_daemon.store.database import Database


def erase(text: str, note: str, *, customer: bool, yes: bool, as_json: bool) -> int:
    async def work(database: Database, _: Settings) -> tuple[Plan, Erased]:
        order = await find_order(database, text)
        plan = await plan_erasure(database, order.id, customer=customer)
        confirm(f"Forget the customer of {_orders(plan)}? Nobody can bring that back.", yes=yes)
        return plan, await erasing.erase(database, plan, operator=this_operator(), note=note)

    plan, erased = with_database(work)
    if as_json:
        print_json({"orders": erased.orders, "payloads_removed": erased.payloads, "others_of_customer": plan.others})
        return 0
    payloads = counted(erased.payloads, "payload")
    say(f"The customer of {_orders(plan)} is forgotten, with {payloads} of events; amounts and ids stay.")
    if plan.others:
        numbers = ", ".join(map(str, plan.others))
        say(
            f"Of the same email, and not forgotten: {numbers}. "
            f"`checkout orders erase {plan.others[0]} --customer` does that for all of them."
        )
    say("Not reached: what Stripe keeps, and backups of this database.")
    return 0


def _orders(plan: Plan) -> str:
    numbers = ", ".join(str(order.number) for order in plan.orders)
    return f"order {numbers}" if len(plan.orders) == 1 else f"orders {numbers}"
