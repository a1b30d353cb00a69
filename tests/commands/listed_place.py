"""A place with at least two rows in every list."""

from __future__ import annotations

from collections.abc import Iterator

import asyncpg

from checkout_daemon.audit.operators import Operator
from checkout_daemon.runtime import Runtime
from checkout_daemon.stock.counting import set_stock
from tests.commands.conftest import go
from tests.commands.place import Place, make_paid_by_event, open_place
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster

LONG = "Wolfeschlegelsteinhausenbergerdorff " * 4
FORMULA = '=HYPERLINK("http://x")\tTab'


def open_listed_place(cluster: Cluster, offline_stripe: BackgroundStripe) -> Iterator[Place]:
    """Five orders with sessions, events and messages; the newest one's customer has a long name."""
    with_orders = open_place(cluster, offline_stripe)
    place = next(with_orders)
    for _ in range(3):
        place.make(make_paid_by_event)

    async def spoil() -> None:
        connection = await asyncpg.connect(place.database_url)
        await connection.execute("UPDATE orders SET customer_name = $1 WHERE number = 1003", LONG.strip())
        await connection.execute("UPDATE orders SET customer_name = $1 WHERE number = 1002", FORMULA)
        await connection.execute("UPDATE products SET description = $1", FORMULA)
        await connection.execute(
            "INSERT INTO batches (act, options, note, operator, host, total)"
            " SELECT 'note', '{}', '', 'ada', 'desk', 1 FROM generate_series(1, 3)"
        )
        await connection.execute(
            "INSERT INTO batch_items (batch, position, subject, order_id)"
            " SELECT 1, number - 1001, number, id FROM orders WHERE number > 1001"
        )
        await connection.execute("UPDATE orders SET attention = '{paid_twice,dispute_lost}' WHERE number = 1004")
        await connection.execute(
            "INSERT INTO api_tokens (id, name, secret_hash, scopes, created_by)"
            " SELECT 'id' || n, 'erp' || n, sha256('x'), '{orders:read}', 'ada' FROM generate_series(1, 2) AS n"
        )
        await connection.execute(
            "INSERT INTO webhook_endpoints (name, url, secret, created_by)"
            " SELECT 'erp' || n, 'https://erp.example/' || n, 'whsec_x', 'ada' FROM generate_series(1, 2) AS n"
        )
        await connection.execute(
            "INSERT INTO disputes (id, livemode, payment_id, status, reason, amount, currency, due_by, observed_at,"
            " event_id) SELECT 'du_' || orders.number, false, payments.id, 'needs_response', 'fraudulent', 3399, 'eur',"
            " now() + interval '3 days', now(), 'evt_1'"
            " FROM payments JOIN orders ON orders.id = payments.order_id"
        )
        await connection.execute(
            "INSERT INTO payouts (id, livemode, amount, currency, status, automatic, reconciliation, created_at,"
            " arrives_at) SELECT 'po_' || n, false, 500, 'eur', 'paid', true, 'completed', now(), now()"
            " FROM generate_series(1, 4) AS n"
        )
        await connection.execute(
            "INSERT INTO balance_transactions (id, livemode, type, category, amount, fee, net, currency, payment_id,"
            " payout_id, created_at, available_on)"
            " SELECT 'txn_1', false, 'charge', 'charge', 500, 0, 500, 'eur', payments.id, 'po_1', now(), now()"
            " FROM payments JOIN orders ON orders.id = payments.order_id WHERE orders.number = 1003 LIMIT 1"
        )
        await connection.execute(
            "INSERT INTO proposals (id, act, order_id, state, proposed_by, host, expires_at)"
            " SELECT gen_random_uuid(), 'cancel', id, '', 'anna', 'desk', now() + interval '1 day' FROM orders"
        )
        await connection.execute(
            "INSERT INTO operators (name, role, os_user, created_by, disabled_at, disabled_by)"
            " SELECT 'anna' || n, 'view', 'anna' || n, 'ada', now(), 'ada' FROM generate_series(1, 2) AS n"
        )
        await connection.execute(
            "INSERT INTO discounts (code, percent_off) VALUES ('TEN', 10), ('TWENTY', 20), ('THIRTY', 30)"
        )
        await connection.close()

    async def count(runtime: Runtime) -> int:
        for sku, pieces in (("NOTE", 40), ("PEN", 40), ("NOTE", 30)):
            await set_stock(runtime.database, sku, pieces, operator=Operator("ada", "desk"))
        return 0

    place.make(count)
    go(spoil())
    yield place
    next(with_orders, None)
