"""The hot path: Stripe's deliveries, answered once they are stored."""

from __future__ import annotations

import logging

from aiohttp import web

from checkout_daemon.errors import CheckoutError
from checkout_daemon.web.bodies import LARGEST_WEBHOOK_BODY, read_body
from checkout_daemon.web.fields import list_field
from checkout_daemon.web.keys import INTAKE, METRICS

log = logging.getLogger(__name__)

_RECEIVED = b'{"received":true}'


async def post_webhook(request: web.Request) -> web.Response:
    try:
        body = await read_body(request, LARGEST_WEBHOOK_BODY)
        await request.app[INTAKE].receive(body, list_field(request, "Stripe-Signature"))
    except CheckoutError as error:
        request.app[METRICS].refusals.labels(error.code).inc()
        if error.status < 500:  # the others are logged where they are answered
            log.info("a delivery was refused: %s: %s", error.code, error.detail)
        raise
    return web.Response(body=_RECEIVED, content_type="application/json")
