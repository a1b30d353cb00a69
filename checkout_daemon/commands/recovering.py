"""`checkout orders recover`."""

from __future__ import annotations

from dataclasses import asdict

from checkout_daemon.commands.output import answer, confirm, print_json, say
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.domain.money import format_money
from checkout_daemon.present.text import words
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.operators import this_operator
from checkout_daemon.services.recovering import Recovered, plan_recovery, recover_order


def recover(session_id: str, note: str, *, yes: bool, as_json: bool) -> int:
    async def work(runtime: Runtime) -> Recovered:
        plan = await plan_recovery(runtime, session_id)
        if not plan.held:
            number = f" {plan.named.number}" if plan.named.number else ""
            money = format_money(plan.amount_total, plan.currency)
            confirm(
                f"Recover order{number} of {money} from {session_id}? Its customer is mailed what is owed by it.",
                yes=yes,
            )
        return await recover_order(runtime, plan, operator=this_operator(), note=note)

    done = with_runtime(work)
    order = done.order
    if as_json:
        print_json(asdict(order) | {"recovered": done.recovered})
    else:
        answer(str(order.number))
        money = format_money(order.amount_total, order.currency)
        if done.recovered:
            say(f"Order {order.number} of {money} is recovered from {session_id}: it is {words(order.status)}.")
        else:
            say(f"Order {order.number} of {money} is held already: it is {words(order.status)}.")
    if done.left_open is not None:
        say(f"Its refunds and disputes are not compared: {done.left_open}")
        say(f"`checkout sessions sync {order.number}` compares them.")
    return 0
