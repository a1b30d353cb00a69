"""`checkout orders ack` and `note`."""

from __future__ import annotations

from checkout_daemon.commands.output import print_json, say
from checkout_daemon.commands.running import with_database
from checkout_daemon.domain.orders import Order
from checkout_daemon.present.text import words
from checkout_daemon.services import remarks
from checkout_daemon.services.lookup import find_order
from checkout_daemon.services.operators import this_operator
from checkout_daemon.services.remarks import Acknowledged
from checkout_daemon.settings import Settings
from checkout_daemon.store.database import Database


def acknowledge(text: str, reason: str, note: str, *, as_json: bool) -> int:
    async def work(database: Database, _: Settings) -> Acknowledged:
        order = await find_order(database, text)
        return await remarks.acknowledge(database, order.id, reason, operator=this_operator(), note=note)

    done = with_database(work)
    if as_json:
        print_json(done.order)
    else:
        left = ", ".join(words(code) for code in done.order.attention)
        say(
            f"Order {done.order.number} asks no more for {words(reason)}"
            + (f", still for {left}." if left else "; nothing else asks for attention.")
        )
    return 0


def note(text: str, said: str, *, as_json: bool) -> int:
    async def work(database: Database, _: Settings) -> Order:
        order = await find_order(database, text)
        return await remarks.note_order(database, order.id, said, operator=this_operator())

    order = with_database(work)
    if as_json:
        print_json(order)
    else:
        say(f"Noted: `checkout orders show {order.number}` has it among the changes.")
    return 0
