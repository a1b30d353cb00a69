"""The design that the daemon replaces: Flask under gunicorn, a psycopg pool, the Stripe SDK, one transaction per event.

It does the least that a shop needs: no facts, links, change log, messages or idempotent checkouts.
"""

from __future__ import annotations

import os

import stripe
from flask import Flask, Response, jsonify, request
from psycopg_pool import ConnectionPool

SECRET = os.environ["STRIPE_WEBHOOK_SECRET"]
SITE = "https://shop.example.com"
STATUSES = {
    "checkout.session.completed": "completed",
    "checkout.session.async_payment_succeeded": "completed",
    "checkout.session.async_payment_failed": "failed",
    "checkout.session.expired": "expired",
}

stripe.api_key = os.environ["STRIPE_API_KEY"]
stripe.api_base = os.environ["STRIPE_API_BASE"]
app = Flask(__name__)
pool = ConnectionPool(os.environ["DATABASE_URL"], min_size=8, max_size=8, open=True)  # one for each thread


@app.post("/api/webhook")
def webhook() -> Response | tuple[Response, int]:
    """Verify, record the event once, and apply it to its order."""
    payload = request.get_data()
    try:
        event = stripe.Webhook.construct_event(payload, request.headers.get("Stripe-Signature", ""), SECRET)
    except (ValueError, stripe.SignatureVerificationError):
        return jsonify(error="invalid signature"), 400
    with pool.connection() as connection:
        inserted = connection.execute(
            "INSERT INTO processed_events (event_id, type, payload) VALUES (%s, %s, %s::jsonb) ON CONFLICT DO NOTHING",
            (event.id, event.type, payload.decode()),
        )
        if inserted.rowcount and event.type in STATUSES:
            session = event.data.object
            connection.execute(
                "UPDATE orders SET status = %s, payment_intent = %s, version = version + 1, updated_at = now()"
                " WHERE id = %s AND status = 'pending'",
                (STATUSES[event.type], session.payment_intent, int(session.metadata["order_id"])),
            )
    return jsonify(received=True)


@app.post("/api/stripe-checkout")
def checkout() -> Response | tuple[Response, int]:
    """Price the cart from the catalog, save the order, and create its session."""
    given = request.get_json()
    wanted = {line["sku"]: int(line["quantity"]) for line in given.get("items", [])}
    email = given.get("customer", {}).get("email")
    if not wanted or min(wanted.values()) < 1:
        return jsonify(error="the cart is empty"), 400
    with pool.connection() as connection:
        products = connection.execute(
            "SELECT id, sku, name, price_cents FROM products WHERE sku = ANY(%s) AND active", (list(wanted),)
        ).fetchall()
        if len(products) != len(wanted):
            return jsonify(error="unknown product"), 400
        total = sum(price * wanted[sku] for _, sku, _, price in products)
        made = connection.execute(
            "INSERT INTO orders (email, total_cents) VALUES (%s, %s) RETURNING id", (email, total)
        ).fetchone()
        order_id = made[0]
        with connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO order_items (order_id, product_id, quantity, price_cents) VALUES (%s, %s, %s, %s)",
                [(order_id, product_id, wanted[sku], price) for product_id, sku, _, price in products],
            )
    session = stripe.checkout.Session.create(
        mode="payment",
        client_reference_id=str(order_id),
        customer_email=email,
        metadata={"order_id": str(order_id)},
        line_items=[
            {
                "quantity": wanted[sku],
                "price_data": {"currency": "usd", "unit_amount": price, "product_data": {"name": name}},
            }
            for _, sku, name, price in products
        ],
        success_url=f"{SITE}/thanks?session_id={{CHECKOUT_SESSION_ID}}",
        cancel_url=f"{SITE}/cart",
        idempotency_key=f"order-{order_id}",
    )
    with pool.connection() as connection:
        connection.execute(
            "UPDATE orders SET stripe_session_id = %s, updated_at = now() WHERE id = %s", (session.id, order_id)
        )
    return jsonify(order_id=order_id, url=session.url)
