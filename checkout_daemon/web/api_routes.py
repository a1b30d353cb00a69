"""The routes of the shop's own systems, with their input, answers and failures. Each needs a bearer token."""

from __future__ import annotations

from collections.abc import Mapping

from checkout_daemon.audit.rights import NotAnOperator, RoleTooLow
from checkout_daemon.checkout.canceling import NotCancelable
from checkout_daemon.errors import (
    DatabaseUnavailable,
    IdempotencyConflict,
    InvalidRequest,
    NotFound,
    StripeRejected,
    StripeUnavailable,
)
from checkout_daemon.orders.order_feed import CursorExpired
from checkout_daemon.orders.refund_items import ItemsNotRefundable
from checkout_daemon.orders.refund_rules import NotRefundable, RefundUnderWay, SeveralPayments
from checkout_daemon.proposals.deciding import NotOpen, OwnProposal, ProposalStale
from checkout_daemon.tokens.api_tokens import Scope
from checkout_daemon.web import order_schemas, orders, orders_query, proposal_schemas, proposals
from checkout_daemon.web.failures import InsufficientScope, InvalidToken, TokenRequired, TooManyRequests
from checkout_daemon.web.route import BODY, Failure, Route

# An order's number, or its whole id.
ORDER = "{order:[0-9]{1,18}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}}"

# A proposal's number.
PROPOSAL = "{proposal:[0-9]{1,18}}"

_TOKEN: tuple[Failure, ...] = (TokenRequired, InvalidToken, InsufficientScope, TooManyRequests, DatabaseUnavailable)
_ACT: tuple[Failure, ...] = (*_TOKEN, NotAnOperator, RoleTooLow, *BODY, InvalidRequest, NotFound)
_ASKING: tuple[Failure, ...] = (*_ACT, StripeRejected, StripeUnavailable)
_KEY = {"Idempotency-Key": "required, 1 to 255 printable ASCII characters: the same key and body give the same refund"}
_QUERY: Mapping[str, Mapping[str, object]] = {
    "status": {"type": "string", "description": "One or more statuses, separated by commas"},
    "updated_since": {
        "type": "string",
        "format": "date-time",
        "description": "Orders that changed, oldest change first",
    },
    "cursor": {"type": "string", "description": "next_cursor of the page before, with the same other parameters"},
    "limit": {"type": "integer", "minimum": 1, "maximum": orders_query.MOST_ORDERS, "default": 50},
}

# fmt: off
ROUTES = (
    Route("GET", orders.PATH, orders.get_orders, "Orders with customer, items and charges, for the shop's own systems",
          {200: order_schemas.ShopOrders}, failures=(*_TOKEN, InvalidRequest, CursorExpired),
          scope=Scope.READ, query=_QUERY),
    Route("GET", f"{orders.PATH}/{ORDER}", orders.get_shop_order, "An order with its payments, refunds and disputes",
          {200: order_schemas.ShopOrderDetails}, failures=(*_TOKEN, NotFound), scope=Scope.READ),
    Route("POST", f"{orders.PATH}/{ORDER}/refunds", orders.post_refund, "Refund an order",
          {200: order_schemas.MadeRefund, 202: proposal_schemas.ProposalAnswer}, order_schemas.RefundBody,
          (*_ASKING, IdempotencyConflict, NotRefundable, ItemsNotRefundable, RefundUnderWay, SeveralPayments),
          _KEY, scope=Scope.WRITE),
    Route("POST", f"{orders.PATH}/{ORDER}/cancel", orders.post_cancel, "Cancel an unpaid order",
          {200: order_schemas.ShopOrderDetails}, order_schemas.CancelBody, (*_ASKING, NotCancelable),
          scope=Scope.WRITE),
    Route("POST", f"{orders.PATH}/{ORDER}/notes", orders.post_note, "Add a note to an order's history",
          {200: order_schemas.ShopOrderDetails}, order_schemas.NoteBody, _ACT, scope=Scope.WRITE),
    Route("GET", f"{proposals.PATH}/{PROPOSAL}", proposals.get_proposal, "What waits for another operator",
          {200: proposal_schemas.ProposalAnswer}, failures=(*_TOKEN, NotFound), scope=Scope.READ),
    Route("POST", f"{proposals.PATH}/{PROPOSAL}/approve", proposals.post_approve,
          "Approve a proposal of another operator",
          {200: proposal_schemas.ProposalAnswer}, proposal_schemas.DecisionBody,
          (*_ASKING, NotOpen, OwnProposal, ProposalStale, NotRefundable, ItemsNotRefundable, RefundUnderWay,
           SeveralPayments, NotCancelable), scope=Scope.WRITE),
    Route("POST", f"{proposals.PATH}/{PROPOSAL}/reject", proposals.post_reject,
          "Reject a proposal, or withdraw one's own",
          {200: proposal_schemas.ProposalAnswer}, proposal_schemas.DecisionBody, (*_ACT, NotOpen), scope=Scope.WRITE),
)
# fmt: on
