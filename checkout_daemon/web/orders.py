"""Handlers of /api/orders, for the shop's own systems. Each takes a bearer token with the scope that it needs."""

from __future__ import annotations

from uuid import UUID, uuid5

import msgspec
from aiohttp import web

from checkout_daemon.checkout.canceling import cancel_order
from checkout_daemon.database.pool import Database
from checkout_daemon.observability import context
from checkout_daemon.orders.lookup import find_exact_order
from checkout_daemon.orders.notes import note_order
from checkout_daemon.orders.order_feed import page_of_changed, page_of_newest
from checkout_daemon.orders.order_pages import show_exact_order
from checkout_daemon.patience import SYSTEM_SECONDS, within
from checkout_daemon.proposals.proposing import refund_or_propose
from checkout_daemon.proposals.records import Proposal
from checkout_daemon.runtime import Runtime
from checkout_daemon.tokens.api_tokens import Bearer, Scope
from checkout_daemon.web.answers import json_response
from checkout_daemon.web.api_access import operator_of
from checkout_daemon.web.app_keys import API_ACCESS, BODIES, RUNTIME
from checkout_daemon.web.bodies import Body, read_json
from checkout_daemon.web.checkout import read_idempotency_key
from checkout_daemon.web.failures import refuse_field
from checkout_daemon.web.order_schemas import (
    CancelBody,
    NoteBody,
    RefundBody,
    ShopOrderDetails,
    details_answer,
    page_answer,
    refund_answer,
)
from checkout_daemon.web.orders_query import read_query
from checkout_daemon.web.proposal_schemas import proposal_answer

PATH = "/api/orders"
_REFUNDS = UUID("8f0d4a52-6a39-4c43-9d0e-3a5b5d1f7a10")
"""The namespace of the ids of refund requests that came with an Idempotency-Key.

The token's name is part of them and not its id, so that a new token of the same name repeats no refund.
"""

_REFUND = msgspec.json.Decoder(RefundBody)
_CANCEL = msgspec.json.Decoder(CancelBody)
_NOTE = msgspec.json.Decoder(NoteBody)


async def get_orders(request: web.Request) -> web.Response:
    """Return a page of orders: the newest ones, or those that changed."""
    with within(SYSTEM_SECONDS):
        runtime, _ = await _admitted(request, Scope.READ)
        query = read_query(request.query)
        statuses, limit, cursor = query.statuses, query.limit, query.cursor
        if query.since is not None:
            page = await page_of_changed(
                runtime.database, since=query.since, statuses=statuses, limit=limit, cursor=cursor
            )
        else:
            page = await page_of_newest(runtime.database, statuses=statuses, limit=limit, cursor=cursor)
    return json_response(page_answer(page))


async def get_shop_order(request: web.Request) -> web.Response:
    """Return an order with its payments, refunds and disputes."""
    with within(SYSTEM_SECONDS):
        runtime, _ = await _admitted(request, Scope.READ)
        return json_response(await _details(runtime.database, request.match_info["order"]))


async def post_refund(request: web.Request) -> web.Response:
    """Refund an order, or propose it above the operator's limit. The same Idempotency-Key gives the same refund."""
    with within(SYSTEM_SECONDS):
        runtime, bearer = await _admitted(request, Scope.WRITE)
        key = read_idempotency_key(request)
        if key is None:
            raise refuse_field(
                "", "missing_idempotency_key", "send an Idempotency-Key, so that nothing is refunded twice"
            )
        body = await _body(request, _REFUND)
        options = body.options()
        order_id = await _order_id(runtime.database, request)
        refunded = await refund_or_propose(
            runtime,
            order_id,
            options,
            operator=operator_of(bearer),
            note=body.note,
            request_id=str(uuid5(_REFUNDS, f"{bearer.name} {key}")),
            asked=body.fingerprint(),
        )
        if isinstance(refunded, Proposal):
            return json_response(proposal_answer(refunded), status=202)
    return json_response(refund_answer(refunded))


async def post_cancel(request: web.Request) -> web.Response:
    """Cancel an unpaid order, once Stripe has confirmed that nobody can pay it any more."""
    with within(SYSTEM_SECONDS):
        runtime, bearer = await _admitted(request, Scope.WRITE)
        body = await _body(request, _CANCEL)
        order_id = await _order_id(runtime.database, request)
        await cancel_order(runtime, order_id, operator=operator_of(bearer), note=body.note, restock=body.restock)
        return json_response(await _details(runtime.database, order_id))


async def post_note(request: web.Request) -> web.Response:
    """Add a note to an order's history."""
    with within(SYSTEM_SECONDS):
        runtime, bearer = await _admitted(request, Scope.WRITE)
        body = await _body(request, _NOTE)
        order_id = await _order_id(runtime.database, request)
        await note_order(runtime.database, order_id, body.note, operator=operator_of(bearer))
        return json_response(await _details(runtime.database, order_id))


async def _admitted(request: web.Request, scope: Scope) -> tuple[Runtime, Bearer]:
    runtime = request.app[RUNTIME]
    return runtime, await request.app[API_ACCESS].admit(request, runtime.database, scope)


async def _body(request: web.Request, decoder: msgspec.json.Decoder[Body]) -> Body:
    return await read_json(request, decoder, request.app[BODIES].shop)


async def _order_id(database: Database, request: web.Request) -> str:
    order = await find_exact_order(database, request.match_info["order"])
    context.order_id.set(order.id)
    return order.id


async def _details(database: Database, order: str) -> ShopOrderDetails:
    return details_answer(await show_exact_order(database, order))
