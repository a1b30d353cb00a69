"""The handler of Stripe's deliveries, which answers once they are stored. This is the hot path."""

from __future__ import annotations

import logging
import time

from aiohttp import web

from checkout_daemon.errors import CheckoutError, InvalidSignature
from checkout_daemon.ledger.signature import check_header
from checkout_daemon.web.app_keys import BODIES, FORGERIES, INTAKE, METRICS
from checkout_daemon.web.bodies import LARGEST_WEBHOOK_BODY, read_body
from checkout_daemon.web.fields import list_field

log = logging.getLogger(__name__)

# Nearly every event is smaller.
_LARGE = 64 * 1024
_RECEIVED = b'{"received":true}'


async def post_webhook(request: web.Request) -> web.Response:
    """Store a delivery, then answer. Raise what refuses it, after counting it."""
    try:
        await _receive(request)
    except InvalidSignature as error:
        request.app[METRICS].delivery_refused(error.code)
        error.__traceback__ = None  # the traceback holds the body, which must not stay in memory while its sender waits
        if await request.app[FORGERIES].refused(request):
            _log_refusal(error)
        raise
    except CheckoutError as error:
        request.app[METRICS].delivery_refused(error.code)
        if error.status < 500:  # others are logged where they are answered
            _log_refusal(error)
        raise
    return web.Response(body=_RECEIVED, content_type="application/json")


async def _receive(request: web.Request) -> None:
    header = list_field(request, "Stripe-Signature")
    length = request.content_length
    if length is not None and _LARGE < length <= LARGEST_WEBHOOK_BODY:
        check_header(header, time.time())  # do not read a megabyte that is refused anyway
    body = await read_body(request, LARGEST_WEBHOOK_BODY, request.app[BODIES].webhooks)
    await request.app[INTAKE].receive(body, header)


def _log_refusal(error: CheckoutError) -> None:
    log.info("a delivery was refused: %s: %s", error.code, error.detail)
