"""Webhooks to the shop's own systems: signed POSTs that name an order and no person.

Signed as https://www.standardwebhooks.com describes.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import uuid4

import asyncpg
import msgspec

from checkout_daemon.errors import NotFound, why
from checkout_daemon.messages.deadlines import due_dispute
from checkout_daemon.messages.outcomes import (
    REFUND_KINDS,
    NotNeeded,
    TryLater,
    attention_of,
    check_still_true,
    refund_of,
    view_of,
)
from checkout_daemon.messages.webhook_endpoints import WebhookEndpoint, find_endpoint
from checkout_daemon.model.messages import Alert, MessageKind
from checkout_daemon.orders.attention_commands import command_for
from checkout_daemon.orders.order_lists import OrderView
from checkout_daemon.outbound import certificate_fault, proxy_fault, proxy_for
from checkout_daemon.outbox.outbox_store import ClaimedMessage
from checkout_daemon.patience import Stopwatch
from checkout_daemon.runtime import Runtime

TIMEOUT_SECONDS = 20.0  # of the whole request
CONNECT_SECONDS = 5.0
_LONGEST_PAUSE = timedelta(days=1)  # that a receiver may ask for
# Only a test shows the answer's body; this much is read, so that the connection ends in good order.
_MOST_READ_BYTES = 4096
_ORDER_FIELDS = (
    *("id", "number", "status", "attention", "currency", "amount_subtotal", "amount_discount", "amount_total"),
    *("amount_refunded", "livemode", "created_at", "paid_at"),
)
_CUSTOMER_FIELDS = ("customer_name", "customer_email", "customer_phone")
_DISPUTE_FIELDS = ("id", "payment_id", "status", "reason", "amount", "currency", "due_by")
_REFUND_FIELDS = ("id", "payment_id", "amount", "currency", "status", "created_at")


async def send_webhook(runtime: Runtime, message: ClaimedMessage) -> None:
    """POST a message; any 2xx accepts it. Raise TryLater or NotNeeded.

    The reason of a failure never contains the URL, which may hold a secret.
    """
    settings = runtime.settings
    url, secrets = settings.shop_webhook_url, settings.shop_webhook_secrets
    if message.endpoint is not None:
        try:
            endpoint = await find_endpoint(runtime.database, message.endpoint)
        except NotFound as error:
            raise NotNeeded(f"the endpoint {message.endpoint} was removed") from error
        url, secrets = endpoint.url, _secrets_of(endpoint)
        message = replace(message, subject_id=message.subject_id.removesuffix(f"@{message.endpoint}"))
    elif url is None:
        raise NotNeeded("CHECKOUT_SHOP_WEBHOOK_URL is not set; the endpoints get it")
    async with runtime.database.connection() as connection:
        body = msgspec.json.encode(await compose(connection, message, customer=settings.webhook_customer))
    answer = await _post(url, secrets, str(message.id), body)
    if not answer.accepted:
        raise TryLater(f"the receiver answered {answer.status}", answer.retry_after)


@dataclass(frozen=True, slots=True)
class ReceiverAnswer:
    """What a receiver answered: the HTTP status, the time it took, and the beginning of the body."""

    status: int
    seconds: float
    body: bytes
    retry_after: timedelta | None

    @property
    def accepted(self) -> bool:
        """Return whether the receiver took the message: any 2xx."""
        return 200 <= self.status < 300


async def send_test(endpoint: WebhookEndpoint) -> ReceiverAnswer:
    """POST a message that is about nothing, and return the answer. Raise TryLater without an answer."""
    body = {"type": "endpoint.test", "timestamp": datetime.now(UTC), "data": {"endpoint": endpoint.name}}
    return await _post(endpoint.url, _secrets_of(endpoint), str(uuid4()), msgspec.json.encode(body))


def _secrets_of(endpoint: WebhookEndpoint) -> tuple[str, ...]:
    old, until = endpoint.old_secret, endpoint.old_secret_until
    return (endpoint.secret, old) if old and until and until > datetime.now(UTC) else (endpoint.secret,)


async def _post(url: str, secrets: Sequence[str], message_id: str, body: bytes) -> ReceiverAnswer:
    import aiohttp  # most commands never get here

    headers = _signature(message_id, int(datetime.now(UTC).timestamp()), body, secrets)
    headers |= {"Content-Type": "application/json", "User-Agent": "checkout-daemon"}
    began = Stopwatch()
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS, connect=CONNECT_SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as http,
            http.post(url, data=body, headers=headers, allow_redirects=False, proxy=proxy_for(url)) as answer,
        ):
            beginning = await answer.content.read(_MOST_READ_BYTES)
            status, retry_after = answer.status, _retry_after(answer.headers.get("Retry-After", ""))
    except TimeoutError as error:
        raise TryLater(f"no answer in {TIMEOUT_SECONDS:.0f} s") from error
    except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: not a URL, or not HTTP
        if (fault := certificate_fault(error)) is not None:
            raise TryLater(f"the receiver's certificate is not trusted: {fault}") from error
        raise TryLater(f"no answer: {proxy_fault(error) or why(error)}") from error
    return ReceiverAnswer(status, began.seconds, beginning, retry_after)


async def compose(connection: asyncpg.Connection, message: ClaimedMessage, *, customer: bool = False) -> dict[str, Any]:
    """Return the body: type, time when the message was queued, and data: the order with its items as it is now.

    It has the order's customer only if wanted. Raise TryLater or NotNeeded.
    """
    data: dict[str, Any] = {}
    if message.order_id is not None:
        view = await view_of(connection, message)
        order = view.order
        fields = _ORDER_FIELDS + _CUSTOMER_FIELDS if customer else _ORDER_FIELDS
        items = view.items if customer else view.public_items
        data["order"] = {name: getattr(order, name) for name in fields} | {"items": items}
        data["order"] |= _selling(view, customer=customer)
        kind = MessageKind(message.kind)
        check_still_true(order, kind)
        if kind in REFUND_KINDS:
            refund = refund_of(view, kind, message.subject_id)
            data["refund"] = {name: getattr(refund, name) for name in _REFUND_FIELDS}
        elif kind is MessageKind.ORDER_ATTENTION:
            code, subject = await attention_of(connection, order, message)
            command = command_for(view, code, subject)
            data["attention"] = {"code": code, "subject": subject, "command": command}
        elif kind is MessageKind.DISPUTE_DUE:
            dispute = due_dispute(view, message.subject_id, datetime.now(UTC))
            data["dispute"] = {name: getattr(dispute, name) for name in _DISPUTE_FIELDS}
        elif kind is MessageKind.PAYMENT_FAILED:
            data["session_id"] = message.subject_id
    if message.payload is not None:
        data["alert"] = msgspec.json.decode(message.payload, type=Alert)
    return {"type": message.kind, "timestamp": message.created_at.astimezone(UTC), "data": data}


def _selling(view: OrderView, *, customer: bool) -> dict[str, Any]:
    """Return what an order has in a shop that sends goods or states taxes. Of the address, only the country is public.

    Whoever has a tracking number may learn where a parcel goes, so it comes with the customer, too.
    """
    order, found = view.order, dict[str, Any]()
    if order.amount_tax is not None:
        found |= {"amount_tax": order.amount_tax, "taxes": view.taxes}
    if order.amount_shipping is not None:
        found |= {"amount_shipping": order.amount_shipping, "shipped_at": order.shipped_at}
    if (sent := view.shipping) is not None:
        public = {"rate": sent.rate, "label": sent.label, "country": sent.address.country, "carrier": sent.carrier}
        private = {"address": sent.address, "tracking_number": sent.tracking_number, "tracking_url": sent.tracking_url}
        found["shipping"] = public | (private if customer else {})
    return found


def _signature(message_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """Return the three headers. Each secret (whsec_ and base64) adds a signature; a receiver accepts any of them."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.digest(b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{b64encode(digest).decode()}" for digest in digests),
    }


def _retry_after(text: str) -> timedelta | None:
    """Return the pause of a Retry-After header (RFC 9110, 10.2.3), which is seconds or a date: at most a day."""
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:6])), _LONGEST_PAUSE)  # six digits are more than a day
    try:
        return min(max(parsedate_to_datetime(text) - datetime.now(UTC), timedelta()), _LONGEST_PAUSE)
    except (TypeError, ValueError):
        return None
