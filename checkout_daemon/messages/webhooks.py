"""Messages to the shop's own systems: signed POSTs that name an order, and no person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec

from checkout_daemon.messages.receivers import ReceiverUnreachable, post
from checkout_daemon.messages.sending import (
    REFUND_KINDS,
    NotNeeded,
    TryLater,
    attention_of,
    check_not_acknowledged,
    check_still_so,
    refund_of,
)
from checkout_daemon.messages.standard_webhooks import sign
from checkout_daemon.model.advice import attention_command
from checkout_daemon.model.messages import Alert, MessageKind
from checkout_daemon.model.orders import Order
from checkout_daemon.orders.order_lists import RefundLine, read_view
from checkout_daemon.outbox.outbox_store import ClaimedMessage
from checkout_daemon.runtime import Runtime


async def send_webhook(runtime: Runtime, message: ClaimedMessage) -> None:
    """POST it; done with any 2xx. Raises TryLater or NotNeeded."""
    settings = runtime.settings
    async with runtime.database.connection() as connection:
        body = msgspec.json.encode(await compose(connection, message))
    headers = sign(str(message.id), int(datetime.now(UTC).timestamp()), body, settings.shop_webhook_secrets)
    headers |= {"Content-Type": "application/json", "User-Agent": "checkout-daemon"}
    try:
        answer = await post(settings.shop_webhook_url or "", body, headers)
    except ReceiverUnreachable as error:
        raise TryLater(str(error)) from error
    if not 200 <= answer.status < 300:
        raise TryLater(f"the receiver answered {answer.status}", answer.retry_after)


async def compose(connection: asyncpg.Connection, message: ClaimedMessage) -> dict[str, Any]:
    """Return the body: type, the time since when it is owed, and data: the order as it is now, without its customer."""
    data: dict[str, Any] = {}
    if message.order_id is not None:
        view = await read_view(connection, str(message.order_id))
        if view is None:
            raise NotNeeded("the order is gone")
        data["order"] = _order(view.order)
        kind = MessageKind(message.kind)
        check_still_so(view.order, kind)
        match kind:
            case _ if kind in REFUND_KINDS:
                data["refund"] = _refund(refund_of(view, kind, message.subject_id))
            case MessageKind.ORDER_ATTENTION:
                code, subject = attention_of(view.order, message.subject_id)
                await check_not_acknowledged(connection, message)
                command = attention_command(code, subject, view.order.number)
                data["attention"] = {"code": code, "subject": subject, "command": command}
            case MessageKind.PAYMENT_FAILED:
                data["session_id"] = message.subject_id
            case _:
                pass
    if message.payload is not None:
        data["alert"] = msgspec.json.decode(message.payload, type=Alert)
    return {"type": message.kind, "timestamp": message.created_at.astimezone(UTC), "data": data}


def _refund(refund: RefundLine) -> dict[str, Any]:
    return {
        "id": refund.id,
        "payment_id": refund.payment_id,
        "amount": refund.amount,
        "currency": refund.currency,
        "status": refund.status,
        "created_at": refund.created_at,
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "number": order.number,
        "status": order.status,
        "attention": order.attention,
        "currency": order.currency,
        "amount_subtotal": order.amount_subtotal,
        "amount_discount": order.amount_discount,
        "amount_total": order.amount_total,
        "amount_refunded": order.amount_refunded,
        "livemode": order.livemode,
        "created_at": order.created_at,
        "paid_at": order.paid_at,
    }
