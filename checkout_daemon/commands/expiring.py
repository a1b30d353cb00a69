"""`checkout sessions expire`."""

from __future__ import annotations

from checkout_daemon.commands.output import answer, confirm, print_json, say
from checkout_daemon.commands.running import with_runtime
from checkout_daemon.present.text import words
from checkout_daemon.runtime import Runtime
from checkout_daemon.services.lookup import find_order
from checkout_daemon.services.operators import this_operator
from checkout_daemon.services.session_expiring import Expired, expire_sessions


def expire(text: str, note: str, *, yes: bool, as_json: bool) -> int:
    async def work(runtime: Runtime) -> Expired:
        order = await find_order(runtime.database, text)
        session_id = text.strip() if text.strip().startswith("cs_") else None
        what = session_id or "every open session"
        confirm(f"Expire {what} of order {order.number}? It cannot be paid through it any more.", yes=yes)
        return await expire_sessions(runtime, order.id, session_id, operator=this_operator(), note=note)

    done = with_runtime(work)
    order = done.order
    if as_json:
        print_json(
            {
                "order_id": order.id,
                "number": order.number,
                "status": order.status,
                "session_ids": done.session_ids,
            }
        )
    else:
        for session_id in done.session_ids:
            answer(session_id)
        say(f"Expired. Order {order.number} is {words(order.status)}.")
    return 0
