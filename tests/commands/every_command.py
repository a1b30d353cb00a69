"""Every command by what it does to the database, each with a line that does it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import asyncpg

from checkout_daemon.audit.operators import Operator, this_operator
from checkout_daemon.audit.registering import NewOperator, OperatorExists, add_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.database.pool import Database
from checkout_daemon.messages.webhook_endpoints import add_endpoint
from checkout_daemon.operations.backups import back_up
from checkout_daemon.orders.refund_rules import RefundOptions
from checkout_daemon.proposals.proposing import propose_refund
from checkout_daemon.runtime import Runtime
from checkout_daemon.tokens.api_tokens import Scope, create_token
from tests.commands.conftest import KEY
from tests.commands.place import (
    BO,
    Make,
    Place,
    make_dead_event,
    make_dead_message,
    make_disputed,
    make_expired,
    make_paid,
    make_paid_by_event,
    make_paid_twice,
    make_to_ship,
    make_waiting,
)
from tests.support.shopping import check_out, paid_order, pay

Given = Callable[[Place, Path], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Line:
    """A command line that does something. Words in capitals stand for what `given` creates."""

    text: str
    given: Given = lambda place, folder: {}

    def words(self, place: Place, folder: Path, *more: str) -> list[str]:
        names = self.given(place, folder)
        return [str(names.get(word, word)) for word in [*self.text.split(), *more]]


def an_order(make: Make) -> Given:
    return lambda place, folder: {"ORDER": place.make(make)}


def two_orders(make: Make) -> Given:
    return lambda place, folder: {"ORDER": place.make(make), "OTHER": place.make(make)}


def a_batch(place: Place, folder: Path) -> Mapping[str, object]:
    """One that another process runs."""
    number = place.make(make_waiting)
    _execute(
        place,
        "WITH batch AS (INSERT INTO batches (act, options, note, operator, host, total, holder, leased_until)"
        " VALUES ('note', '{}', 'called', 'bo', 'desk', 1, 'desk/1', now() + interval '1 hour') RETURNING number)"
        " INSERT INTO batch_items (batch, position, subject, order_id)"
        f" SELECT batch.number, 1, orders.number, orders.id FROM batch, orders WHERE orders.number = {number}",
    )
    return {"BATCH": _newest(place, "batches", "max(number)")}


def a_drifted_order(place: Place, folder: Path) -> Mapping[str, object]:
    """Paid at Stripe, and we do not know it."""

    async def work(runtime: Runtime) -> int:
        answer = await check_out(runtime, customer=BO)
        await pay(runtime, answer.session_id, answer.amount_total)
        return answer.number

    return {"ORDER": place.make(work)}


def a_lost_order(place: Place, folder: Path) -> Mapping[str, object]:
    """Paid at Stripe, and deleted here."""
    session_ids: list[str] = []

    async def work(runtime: Runtime) -> int:
        answer = await paid_order(runtime, customer=BO)
        session_ids.append(answer.session_id)
        async with runtime.database.connection() as connection:
            await connection.execute("DELETE FROM orders WHERE id = $1", answer.order_id)
        return answer.number

    place.make(work)
    return {"SESSION": session_ids[0]}


def an_event(place: Place, folder: Path) -> Mapping[str, object]:
    place.make(make_paid_by_event)
    return {"EVENT": _newest(place, "stripe_events")}


def a_counted_product(place: Place, folder: Path) -> Mapping[str, object]:
    _execute(
        place,
        "INSERT INTO products (sku, name, unit_amount, currency, stock) VALUES ('BOX', 'Box', 100, 'eur', 5)"
        " ON CONFLICT (sku) DO UPDATE SET stock = 5;"
        "INSERT INTO stock_movements (sku, kind, change, stock, actor) VALUES ('BOX', 'set', 5, 5, 'bo@desk')",
    )
    return {"SKU": "BOX"}


def a_dispute(place: Place, folder: Path) -> Mapping[str, object]:
    """One whose order is not known here."""
    _execute(
        place,
        "INSERT INTO payments (id) VALUES ('pi_disputed') ON CONFLICT DO NOTHING;"
        "INSERT INTO disputes (id, livemode, payment_id, status, observed_at, event_id)"
        " VALUES ('du_shown', false, 'pi_disputed', 'lost', now(), 'evt_1') ON CONFLICT DO NOTHING",
    )
    return {}


def a_new_dispute(place: Place, folder: Path) -> Mapping[str, object]:
    return {"DISPUTE": place.make(make_disputed)}


def a_payout(place: Place, folder: Path) -> Mapping[str, object]:
    """One that was made by hand: Stripe lists no lines of it."""
    _execute(
        place,
        "INSERT INTO payouts (id, livemode, amount, currency, status, automatic, reconciliation, created_at,"
        " arrives_at) VALUES ('po_by_hand', false, 500, 'eur', 'paid', false, 'not_applicable', now(), now())"
        " ON CONFLICT DO NOTHING",
    )
    return {}


def a_message(place: Place, folder: Path) -> Mapping[str, object]:
    place.make(make_paid)
    return {"MESSAGE": _newest(place, "outbox")}


def _execute(place: Place, statement: str) -> None:
    async def execute() -> None:
        connection = await asyncpg.connect(place.database_url)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(execute())


def _newest(place: Place, table: str, column: str = "id") -> str:
    async def read() -> str:
        connection = await asyncpg.connect(place.database_url)
        found = await connection.fetchval(f"SELECT {column} FROM {table} LIMIT 1")
        await connection.close()
        return str(found)

    return asyncio.run(read())


_PRICES = count(700)


def a_catalog(place: Place, folder: Path) -> Mapping[str, object]:
    file = folder / "products.csv"
    file.write_text(f"sku,name,unit_amount,currency\nINK,Ink,{next(_PRICES)},eur\n")  # another one each time
    return {"FILE": file}


def a_shipment(place: Place, folder: Path) -> Mapping[str, object]:
    file = folder / "shipped.csv"
    file.write_text(f"order,carrier\n{place.make(make_to_ship)},DHL\n")
    return {"FILE": file}


def a_backup(place: Place, folder: Path) -> Mapping[str, object]:
    file = folder / "shop.dump"

    async def work() -> None:
        database = Database(place.database_url)
        await back_up(database, place.database_url, file)
        await database.close()

    asyncio.run(work())
    return {"FILE": file}


def a_token(place: Place, folder: Path) -> Mapping[str, object]:
    name = f"system-{uuid4().hex[:8]}"

    async def work() -> None:
        database = Database(place.database_url)
        await create_token(database, name, (Scope.READ,), operator=Operator("bo", "desk"))
        await database.close()

    asyncio.run(work())
    return {"NAME": name}


def an_admin(place: Place, folder: Path) -> Mapping[str, object]:
    """Whoever runs the tests is an admin, and there is the name of another operator to add."""
    name = f"operator-{uuid4().hex[:8]}"

    async def work() -> None:
        database = Database(place.database_url)
        for admin, user in (("tester", this_operator().os_user), ("bo", "bo")):  # in whose name other lines act
            with suppress(OperatorExists):
                wanted = NewOperator(admin, OperatorRole.ADMIN, {}, os_user=user)
                await add_operator(database, wanted, operator=Operator("tester", "desk"))
        await database.close()

    asyncio.run(work())
    return {"NAME": name}


def an_operator(place: Place, folder: Path) -> Mapping[str, object]:
    name = str(an_admin(place, folder)["NAME"])

    async def work() -> None:
        database = Database(place.database_url)
        wanted = NewOperator(name, OperatorRole.REFUND, {}, os_user=name)
        await add_operator(database, wanted, operator=Operator("tester", "desk"))
        await database.close()

    asyncio.run(work())
    return {"NAME": name}


def a_proposal(place: Place, folder: Path) -> Mapping[str, object]:
    """One of another operator, to refund an order."""
    name = str(an_operator(place, folder)["NAME"])
    numbers: list[int] = []

    async def work(runtime: Runtime) -> int:
        answer = await paid_order(runtime, customer=BO)
        proposal = await propose_refund(runtime, str(answer.order_id), RefundOptions(), operator=Operator(name, "desk"))
        numbers.append(proposal.number)
        return answer.number

    place.make(work)
    return {"PROPOSAL": numbers[0]}


def a_receiver(place: Place, folder: Path) -> Mapping[str, object]:
    name = f"receiver-{uuid4().hex[:8]}"

    async def work() -> None:
        database = Database(place.database_url)
        await add_endpoint(database, name, "https://wms.example/hooks", (), operator=Operator("bo", "desk"))
        await database.close()

    asyncio.run(work())
    return {"NAME": name}


def an_old_sale(place: Place, folder: Path) -> Mapping[str, object]:
    """A payment of another system."""

    async def work(runtime: Runtime) -> int:
        params = {"amount": 1200, "currency": "eur", "payment_method": "pm_card_visa", "confirm": True}
        more = {"payment_method_types": ["card"]}

        def make(client: Any) -> Any:
            return client.v1.payment_intents.create_async(params=params | more)

        await runtime.gateway.call("test", make)
        return 0

    place.make(work)
    return {}


def an_endpoint(place: Place, folder: Path) -> Mapping[str, object]:
    url = "https://desk.example/api/webhook"
    form = f"url={url}&enabled_events[]=charge.refunded".encode()
    request = Request(f"{place.stripe.base}/v1/webhook_endpoints", form, {"Authorization": f"Bearer {KEY}"})
    urlopen(request, timeout=30).close()
    return {"URL": url}


WRITING = {
    "orders refund": Line("orders refund ORDER", an_order(make_paid)),
    "disputes accept": Line("disputes accept DISPUTE", a_new_dispute),
    "disputes evidence": Line("disputes evidence DISPUTE --set customer_name=Bo", a_new_dispute),
    "disputes submit": Line("disputes submit DISPUTE", a_new_dispute),
    "orders ship": Line("orders ship ORDER --carrier DHL", an_order(make_to_ship)),
    "orders cancel": Line("orders cancel ORDER", an_order(make_waiting)),
    "orders recover": Line("orders recover SESSION", a_lost_order),
    "orders correct": Line("orders correct ORDER --phone +43664123456", an_order(make_waiting)),
    "orders erase": Line("orders erase ORDER", an_order(make_expired)),
    "orders ack": Line("orders ack ORDER paid_twice", an_order(make_paid_twice)),
    "orders note": Line("orders note ORDER called", an_order(make_waiting)),
    "orders assign": Line("orders assign ORDER", an_order(make_waiting)),
    "orders unassign": Line("orders unassign ORDER", an_order(make_waiting)),
    "orders snooze": Line("orders snooze ORDER 2d --note later", an_order(make_paid_twice)),
    "orders unsnooze": Line("orders unsnooze ORDER", an_order(make_waiting)),
    "sessions resend": Line("sessions resend ORDER", an_order(make_waiting)),
    "sessions expire": Line("sessions expire ORDER", an_order(make_waiting)),
    "sessions sync": Line("sessions sync ORDER", a_drifted_order),
    "batches resume": Line("batches resume BATCH", a_batch),
    "batches stop": Line("batches stop BATCH", a_batch),
    "events replay": Line("events replay --order ORDER --status applied", an_order(make_paid_by_event)),
    "events dismiss": Line("events dismiss --order ORDER --status dead --note no", an_order(make_dead_event)),
    "outbox dismiss": Line("outbox dismiss --order ORDER --status dead --note no", an_order(make_dead_message)),
    "events backfill": Line("events backfill", a_drifted_order),
    "outbox replay": Line("outbox replay --order ORDER --status queued", an_order(make_paid)),
    "reconcile": Line("reconcile --apply", a_drifted_order),
    "import stripe": Line("import stripe --since 1d", an_old_sale),
    "catalog import": Line("catalog import FILE", a_catalog),
    "db restore": Line("db restore FILE", a_backup),
    "outbox endpoints add": Line("outbox endpoints add wms https://wms.example/hooks"),
    "outbox endpoints remove": Line("outbox endpoints remove NAME", a_receiver),
    "outbox endpoints enable": Line("outbox endpoints enable NAME", a_receiver),
    "outbox endpoints disable": Line("outbox endpoints disable NAME", a_receiver),
    "outbox endpoints rotate": Line("outbox endpoints rotate NAME", a_receiver),
    "stock adjust": Line("stock adjust SKU +1", a_counted_product),
    "stock set": Line("stock set SKU 7", a_counted_product),
    "tokens create": Line("tokens create erp"),
    "tokens revoke": Line("tokens revoke NAME", a_token),
    "operators add": Line("operators add NAME --role view --system-user NAME", an_admin),
    "operators limit": Line("operators limit NAME eur=500", an_operator),
    "operators disable": Line("operators disable NAME", an_operator),
    "proposals approve": Line("proposals approve PROPOSAL", a_proposal),
    "proposals reject": Line("proposals reject PROPOSAL", a_proposal),
}
"""They write to the database."""

IN_BULK = {
    "sessions resend": Line("sessions resend --status expired", an_order(make_expired)),
    "sessions sync": Line("sessions sync ORDER OTHER", two_orders(make_waiting)),
    "orders ack": Line("orders ack ORDER OTHER paid_twice", two_orders(make_paid_twice)),
    "orders note": Line("orders note ORDER OTHER called", two_orders(make_waiting)),
    "orders ship": Line("orders ship --from-csv FILE", a_shipment),
    "orders assign": Line("orders assign --search ORDER anna", an_order(make_waiting)),
    "orders unassign": Line("orders unassign --search ORDER", an_order(make_waiting)),
}
"""They ask only about many."""

AT_STRIPE = {
    "webhook create": Line("webhook create --replace --url URL", an_endpoint),
    "webhook rotate": Line("webhook rotate --url URL", an_endpoint),
}
"""They change something at Stripe, and nothing here."""

READING = {
    "operators list": Line("operators list", an_operator),
    "proposals list": Line("proposals list", a_proposal),
    "proposals show": Line("proposals show PROPOSAL", a_proposal),
    "audit list": Line("audit list", a_token),
    "audit export": Line("audit export FILE --force"),
    "audit verify": Line("audit verify"),
    "batches list": Line("batches list", a_batch),
    "batches show": Line("batches show BATCH", a_batch),
    "catalog list": Line("catalog list"),
    "catalog export": Line("catalog export"),
    "db status": Line("db status"),
    "disputes list": Line("disputes list", a_dispute),
    "disputes show": Line("disputes show du_shown", a_dispute),
    "events list": Line("events list", an_event),
    "events show": Line("events show EVENT", an_event),
    "orders list": Line("orders list"),
    "orders show": Line("orders show ORDER", an_order(make_paid)),
    "orders explain": Line("orders explain ORDER", an_order(make_paid)),
    "orders export": Line("orders export"),
    "outbox list": Line("outbox list", a_message),
    "outbox show": Line("outbox show MESSAGE", a_message),
    "payouts export": Line("payouts export"),
    "payouts list": Line("payouts list", a_payout),
    "payouts order": Line("payouts order ORDER", an_order(make_paid)),
    "payouts reconcile": Line("payouts reconcile --since 1d"),
    "payouts show": Line("payouts show po_by_hand", a_payout),
    "report": Line("report"),
    "sessions list": Line("sessions list"),
    "sessions show": Line("sessions show ORDER", an_order(make_waiting)),
    "outbox endpoints list": Line("outbox endpoints list", a_receiver),
    "stock history": Line("stock history SKU", a_counted_product),
    "stock list": Line("stock list", a_counted_product),
    "tokens list": Line("tokens list", a_token),
    "todo": Line("todo", an_order(make_paid_twice)),
    "webhook show": Line("webhook show --url URL", an_endpoint),
}
"""They read the database, end by themselves, and answer 0."""

OTHERWISE = {
    "audit verifier": "reads no database",
    "completion": "reads nothing",
    "outbox endpoints test": "asks a system of the shop",
    "settings": "reads no database",
    "shop check": "reads no database",
    "shop show": "reads no database",
    "doctor": "exit code 1 if a check fails",
    "db backup": "a program of PostgreSQL reads",
    "db init": "writes to an empty database only",
    "db migrate": "writes to an older schema only",
    "db roles": "makes users of the whole server",
    "db move": "moves what later tests read",
    "dev": "runs until it is stopped",
    "serve": "runs until it is stopped",
    "sandbox": "runs until it is stopped",
    "tui": "runs until it is stopped",
    "mcp": "runs until its stdin ends",
    "orders watch": "runs until it is stopped",
    "events tail": "runs until it is stopped",
    "listen": "runs the Stripe CLI",
    "trigger": "runs the Stripe CLI",
    "events resend": "runs the Stripe CLI",
}
"""Why a command is in none of the tables above."""
