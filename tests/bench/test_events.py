"""The deliveries are what Stripe would send."""

from __future__ import annotations

import json
import time

from bench.support.events import (
    FIRST,
    PAYMENT,
    SECRET,
    Delivery,
    Order,
    deliveries,
    interleaved,
    render,
    with_duplicates,
)
from checkout_daemon.ledger import signature
from checkout_daemon.ledger.event_types import EVENT_TYPES

ORDERS = [Order(f"order-{number}", f"cs_test_{number:042d}", 4200, number, "shop") for number in range(100)]


def test_a_delivery_is_signed_and_about_its_order() -> None:
    (delivery,) = deliveries(ORDERS[:1])
    head, _, body = delivery.request.partition(b"\r\n\r\n")
    header = next(line for line in head.decode().split("\r\n") if line.startswith("Stripe-Signature: "))
    assert signature.verify(body, header.partition(": ")[2], (SECRET,), time.time()) == 0
    event = json.loads(body)
    assert (event["id"], event["type"]) == (delivery.event_id, FIRST)
    assert event["data"]["object"]["client_reference_id"] == "order-0"
    assert event["data"]["object"]["amount_total"] == 4200
    assert 3500 < len(body) < 4500


def test_every_event_of_a_payment_is_one_that_the_daemon_asks_for() -> None:
    assert set(PAYMENT) <= set(EVENT_TYPES)
    assert [json.loads(render(kind, "evt_1", ORDERS[0]))["type"] for kind in PAYMENT] == list(PAYMENT)
    assert b"$" not in b"".join(render(kind, "evt_1", ORDERS[0]) for kind in PAYMENT)


def test_events_of_a_payment_keep_their_order_among_other_payments() -> None:
    sent = [json.loads(item.request.partition(b"\r\n\r\n")[2]) for item in interleaved(ORDERS[:6], PAYMENT, 3)]
    assert [event["type"] for event in sent[: 3 * len(PAYMENT) : 3]] == list(PAYMENT)
    assert len(sent) == 6 * len(PAYMENT)


def test_a_share_of_the_deliveries_is_sent_before() -> None:
    items = [Delivery(b"", str(number)) for number in range(10_000)]
    sent = with_duplicates(items, 0.05, near=32)
    assert {item.event_id for item in sent} == {item.event_id for item in items}
    assert 0.04 < 1 - len(items) / len(sent) < 0.06
