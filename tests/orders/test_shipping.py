"""Operators state that orders were sent: once, by many hands, and what is refused."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from checkout_daemon.audit.audit_log import verify
from checkout_daemon.audit.operators import Operator
from checkout_daemon.errors import InvalidRequest
from checkout_daemon.orders.erasing import erase, plan_erasure
from checkout_daemon.orders.order_lists import list_orders
from checkout_daemon.orders.order_query import parse_query
from checkout_daemon.orders.shipping import NotShippable, Parcel, read_parcel, read_parcels, ship_order
from checkout_daemon.orders.shipping_store import read_shipping
from checkout_daemon.runtime import Runtime
from tests.support.orders import NOW
from tests.support.selling import to_be_sent
from tests.support.shopping import check_out, paid_order

ADA = Operator("ada", "desk")
DHL = Parcel("DHL", "0034", "https://track.example/0034")


async def to_ship(runtime: Runtime, connection: asyncpg.Connection) -> str:
    order_id = str((await paid_order(runtime)).order_id)
    await to_be_sent(connection, order_id)
    return order_id


async def mails(connection: asyncpg.Connection) -> list[str]:
    rows = await connection.fetch(
        "SELECT subject_id FROM outbox WHERE kind = 'order.shipped' AND channel = 'mail' ORDER BY 1"
    )
    return [row["subject_id"] for row in rows]


async def test_a_shipped_order_keeps_its_status_and_has_its_parcel(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await to_ship(runtime, connection)
    done = await ship_order(runtime.database, order_id, DHL, operator=ADA, note="two boxes")
    assert (done.changed, done.carrier, done.tracking_number) == (True, "DHL", "0034")
    row = await connection.fetchrow("SELECT status, shipped_at FROM orders WHERE id = $1", order_id)
    assert row is not None
    assert (row["status"], row["shipped_at"]) == ("completed", done.shipped_at)
    sent = (await read_shipping(connection, [order_id]))[order_id]
    assert (sent.carrier, sent.tracking_url, sent.label) == ("DHL", "https://track.example/0034", "Mail")
    change = await connection.fetchrow("SELECT cause, actor, note FROM order_changes ORDER BY seq DESC LIMIT 1")
    assert change is not None
    assert tuple(change) == ("order.shipped", "ada@desk", "two boxes")
    act = await connection.fetchrow("SELECT kind, reason, actor FROM acts")
    assert act is not None
    assert tuple(act) == ("shipped", "DHL", "ada@desk")
    assert await mails(connection) == ["1"]
    assert "0034" not in str(await connection.fetch("SELECT * FROM operator_log"))
    assert not (await verify(runtime.database)).faults


async def test_the_same_parcel_again_does_nothing_and_another_one_replaces_it(
    runtime: Runtime, connection: asyncpg.Connection
) -> None:
    order_id = await to_ship(runtime, connection)
    once = await ship_order(runtime.database, order_id, DHL, operator=ADA)
    again = await ship_order(runtime.database, order_id, DHL, operator=ADA)
    assert (again.changed, again.shipped_at) == (False, once.shipped_at)
    assert await mails(connection) == ["1"]
    other = await ship_order(runtime.database, order_id, Parcel("GLS", "77"), operator=ADA)
    assert (other.changed, other.shipped_at) == (True, once.shipped_at)
    assert (await read_shipping(connection, [order_id]))[order_id].carrier == "GLS"
    assert await mails(connection) == ["1", "2"]


async def test_an_order_without_a_carrier_is_shipped_once_too(runtime: Runtime, connection: asyncpg.Connection) -> None:
    order_id = await to_ship(runtime, connection)
    changed = [(await ship_order(runtime.database, order_id, Parcel(), operator=ADA)).changed for _ in range(2)]
    assert changed == [True, False]


async def test_ten_operators_at_once_ship_it_once(runtime: Runtime, connection: asyncpg.Connection) -> None:
    order_id = await to_ship(runtime, connection)
    done = await asyncio.gather(*(ship_order(runtime.database, order_id, DHL, operator=ADA) for _ in range(10)))
    assert sum(one.changed for one in done) == 1
    assert await mails(connection) == ["1"]


async def test_what_is_not_sent_or_not_paid_is_refused(runtime: Runtime, connection: asyncpg.Connection) -> None:
    digital = str((await paid_order(runtime)).order_id)
    unpaid = str((await check_out(runtime)).order_id)
    await to_be_sent(connection, unpaid)
    for order_id, why in ((digital, "nothing of order 1001 is sent"), (unpaid, "order 1002 is pending")):
        with pytest.raises(NotShippable, match=why):
            await ship_order(runtime.database, order_id, DHL, operator=ADA)
    assert await connection.fetchval("SELECT count(*) FROM acts") == 0
    assert await mails(connection) == []


async def test_lists_find_what_must_be_sent(runtime: Runtime, connection: asyncpg.Connection) -> None:
    digital = str((await paid_order(runtime)).order_id)
    waiting, shipped = [await to_ship(runtime, connection) for _ in range(2)]
    await ship_order(runtime.database, shipped, DHL, operator=ADA)
    found = {}
    for text in ("shipped:no", "shipped:yes", "shipped:yes,no", "-shipped:no"):
        wanted = parse_query(text, time_zone="UTC", now=NOW).wanted
        found[text] = {order.id for order in await list_orders(connection, wanted, limit=10)}
    assert found == {
        "shipped:no": {waiting},
        "shipped:yes": {shipped},
        "shipped:yes,no": {waiting, shipped},
        "-shipped:no": {digital, shipped},
    }


def test_a_file_of_parcels() -> None:
    text = "\ufefforder,Tracking,carrier\r\n1001,0034,DHL\r\nada@example.com,,\r\n"
    first, second = read_parcels(text)
    assert (first.line, first.order, first.parcel) == (2, "1001", Parcel("DHL", "0034"))
    assert (second.order, second.parcel) == ("ada@example.com", Parcel())


@pytest.mark.parametrize(
    "text",
    [
        "order;carrier;tracking;url\r\n1001;DHL;0034;https://track.example/0034\r\n",
        "sep=;\r\nOrder;Carrier;Tracking;Url\r\n1001;DHL;0034;https://track.example/0034\r\n",
        "order\tcarrier\ttracking\turl\r\n1001\tDHL\t0034\thttps://track.example/0034\r\n",
        "order,carrier,tracking,url,,\n1001,DHL,0034,https://track.example/0034,,\n,,,,,\n,,,\n",
    ],
)
def test_a_file_of_parcels_may_be_what_a_spreadsheet_saves(text: str) -> None:
    assert [(found.order, found.parcel) for found in read_parcels(text)] == [("1001", DHL)]


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", {"/1": "invalid_columns"}),
        ("number,carrier\n1,DHL\n", {"/1": "invalid_columns"}),
        ("order,order\n1,2\n", {"/1": "invalid_columns"}),
        ("order,carrier\n1001\n", {"/2": "invalid_line"}),
        ("order\n1001,DHL\n", {"/2": "invalid_line"}),
        ("order\n1001\n\n1001\n1002,x\n", {"/4": "invalid_order", "/5": "invalid_line"}),
        ("order,carrier\n,DHL\n", {"/2": "invalid_order"}),
        ("sep=;\nnumber;carrier\n", {"/2": "invalid_columns"}),
        ('order,carrier\n1001,DHL\n1002,"DHL\n1003,DHL\n', {"/3": "invalid_line"}),
        ("order,url\n1001,track me\n1002,javascript:1\n", {"/2/url": "invalid_url", "/3/url": "invalid_url"}),
        (f"order,carrier\n1001,{'x' * 101}\n", {"/2/carrier": "invalid_carrier"}),
    ],
)
def test_a_faulty_file_is_refused_with_every_line(text: str, faults: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_parcels(text)
    assert {error.pointer: error.code for error in caught.value.errors} == faults


def test_a_fault_of_a_file_states_its_line() -> None:
    with pytest.raises(InvalidRequest, match=r"line 2: must be an address .*; line 3: this is not CSV"):
        read_parcels('order,url\n1001,here\n1002,"https://track.example/1\n')
    with pytest.raises(InvalidRequest, match=r"line 2: this is not CSV: field larger"):
        read_parcels('order,carrier\n1001,"' + "DHL\n" * 40_000)  # a quote that is not closed


def test_a_parcel_is_tidied() -> None:
    assert read_parcel(" DHL\u00a0Express ", "\u200b00 34", "https://track.example/?n=0034") == Parcel(
        "DHL Express", "00 34", "https://track.example/?n=0034"
    )


async def test_an_erased_customers_parcel_gets_no_number(runtime: Runtime, connection: asyncpg.Connection) -> None:
    order_id = await to_ship(runtime, connection)
    await ship_order(runtime.database, order_id, DHL, operator=ADA)
    await erase(runtime.database, await plan_erasure(runtime.database, order_id, customer=False), operator=ADA)
    for parcel in (DHL, Parcel("DHL", "", DHL.tracking_url), Parcel("DHL", "0034", "")):
        with pytest.raises(NotShippable, match="was erased"):
            await ship_order(runtime.database, order_id, parcel, operator=ADA)
    sent = (await read_shipping(connection, [order_id]))[order_id]
    assert (sent.tracking_number, sent.tracking_url) == ("", "")
    assert (await ship_order(runtime.database, order_id, Parcel("Post"), operator=ADA)).carrier == "Post"
