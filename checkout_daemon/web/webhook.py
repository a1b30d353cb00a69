"""The route of Stripe's deliveries, which answers once they are stored. This is the hot path."""

from __future__ import annotations

import logging
import time
from functools import partial

from aiohttp import web

from checkout_daemon.errors import CheckoutError, InvalidSignature, ServerBusy
from checkout_daemon.ledger.intake import Intake
from checkout_daemon.ledger.signature import check_header
from checkout_daemon.observability.log_throttle import Rarely
from checkout_daemon.observability.metrics import Metrics
from checkout_daemon.web.bodies import LARGEST_WEBHOOK_BODY, read_body
from checkout_daemon.web.body_budget import BodyBudget
from checkout_daemon.web.direct import Send
from checkout_daemon.web.edge import Edge
from checkout_daemon.web.fields import list_field
from checkout_daemon.web.limits import Forgeries, WaitingRoom
from checkout_daemon.web.prepared import PreparedAnswer
from checkout_daemon.web.problems import problem_response

log = logging.getLogger(__name__)

PATH = "/api/webhook"

# Nearly every event is smaller.
_LARGE = 64 * 1024
# How long a delivery waits that cannot be taken now. In a flood, to refuse those that come again at once would take the
# time in which others are stored.
BUSY_SECONDS = 0.5
_RECEIVED = b'{"received":true}'


class WebhookRoute:
    """Answers deliveries: `handle` as the handler of the route, `find` as a direct one."""

    def __init__(
        self,
        edge: Edge,
        metrics: Metrics,
        budget: BodyBudget,
        forgeries: Forgeries,
        intake: Intake,
        *,
        pauses: WaitingRoom,
    ) -> None:
        self._edge = edge
        self._metrics = metrics
        self._budget = budget
        self._forgeries = forgeries
        self._intake = intake
        self._pauses = pauses
        self._stored = PreparedAnswer(_stored, edge)
        self._refusals: dict[str, PreparedAnswer] = {}
        self._may_log = Rarely()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Store a delivery, then answer. Raise what refuses it, after counting it."""
        await self._store(request)
        return _stored()

    async def find(self, request: web.BaseRequest) -> Send:
        """Store a delivery. Return what sends the answer, also if it is refused for a reason that many may have."""
        try:
            await self._store(request)
        except (InvalidSignature, ServerBusy) as error:
            if isinstance(error, ServerBusy) and self._may_log():
                log.warning("deliveries are refused for now: %s", error.detail)
            refusal = self._refusals.get(error.detail)  # there are seven of them
            if refusal is None:
                fresh = type(error)(error.detail)  # without a traceback, which would keep the request
                refusal = self._refusals[error.detail] = PreparedAnswer(partial(problem_response, fresh), self._edge)
            return refusal.to
        return self._stored.to

    async def _store(self, request: web.BaseRequest) -> None:
        try:
            await self._receive(request)
        except InvalidSignature as error:
            self._metrics.delivery_refused(error.code)
            error.__traceback__ = None  # it holds the body, which must not stay in memory while its sender waits
            if await self._forgeries.refused(request):
                _log_refusal(error)
            raise
        except ServerBusy as error:
            self._metrics.delivery_refused(error.code)
            error.__traceback__ = None
            await self._pauses.wait(BUSY_SECONDS)
            raise
        except CheckoutError as error:
            self._metrics.delivery_refused(error.code)
            if error.status < 500:  # others are logged where they are answered
                _log_refusal(error)
            raise

    async def _receive(self, request: web.BaseRequest) -> None:
        header = list_field(request, "Stripe-Signature")
        length = request.content_length
        if length is not None and _LARGE < length <= LARGEST_WEBHOOK_BODY:
            check_header(header, time.time())  # do not read a megabyte that is refused anyway
        body = await read_body(request, LARGEST_WEBHOOK_BODY, self._budget)
        await self._intake.receive(body, header)


WEBHOOK = web.AppKey("webhook", WebhookRoute)


async def post_webhook(request: web.Request) -> web.StreamResponse:
    """Store a delivery that came by the router, for example because its address has a query."""
    return await request.app[WEBHOOK].handle(request)


def _stored() -> web.Response:
    return web.Response(body=_RECEIVED, content_type="application/json")


def _log_refusal(error: CheckoutError) -> None:
    log.info("a delivery was refused: %s: %s", error.code, error.detail)
