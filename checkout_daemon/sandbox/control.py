"""The routes that control the sandbox: its clock, planned trouble, rolled secrets, settlement, failing payouts."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from checkout_daemon.sandbox.amounts import currency_code
from checkout_daemon.sandbox.box import Advance, Box
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.guard import check_origin
from checkout_daemon.sandbox.payments.fees import Settlement, read_settlement, set_settlement
from checkout_daemon.sandbox.payments.payouts import fail_payout
from checkout_daemon.sandbox.trouble import TroublePlan, changed_trouble
from checkout_daemon.sandbox.webhooks.endpoints import roll_secret

Handler = Callable[[web.Request], Awaitable[web.Response]]

_TIME = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*([smhdw]?)", re.ASCII)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_FARTHEST = 366 * 86_400.0


def add_control(app: web.Application, box: Box) -> None:
    """Add the routes."""
    control = Control(box)
    app.router.add_get("/sandbox/clock", control.guarded(control.show_clock))
    app.router.add_post("/sandbox/clock", control.guarded(control.advance_clock))
    app.router.add_get("/sandbox/chaos", control.guarded(control.show_trouble))
    app.router.add_post("/sandbox/chaos", control.guarded(control.change_trouble))
    app.router.add_delete("/sandbox/chaos", control.guarded(control.end_trouble))
    app.router.add_get("/sandbox/settlement", control.guarded(control.show_settlement))
    app.router.add_post("/sandbox/settlement", control.guarded(control.change_settlement))
    app.router.add_post("/sandbox/payouts/{id}/fail", control.guarded(control.fail_payout))
    app.router.add_post("/sandbox/webhook_endpoints/{id}/roll_secret", control.guarded(control.roll))


class Control:
    """The handlers of the control routes."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def guarded(self, handler: Handler) -> Handler:
        """Return a handler that refuses foreign pages, and answers an ApiError with its body."""

        async def handle(request: web.Request) -> web.Response:
            check_origin(request, self.box)
            try:
                return await handler(request)
            except ApiError as error:
                return web.json_response(error.body(), status=error.status)

        return handle

    async def show_clock(self, _: web.Request) -> web.Response:
        """Answer the clock's time and offset."""
        return web.json_response(self._clock())

    async def advance_clock(self, request: web.Request) -> web.Response:
        """Advance the clock, and answer when everything due until then has happened and been delivered."""
        given = await _given(request)
        if set(given) - {"advance", "advance_to"} or len(given) != 1:
            raise ApiError('Give either {"advance": seconds or "3d"} or {"advance_to": seconds since the epoch}.')
        target = self._target(given)
        advance = Advance(target, asyncio.get_running_loop().create_future())
        self.box.advances.append(advance)
        self.box.wake.set()
        await asyncio.shield(advance.done)
        self.box.storage.forget_answers()
        return web.json_response(self._clock())

    async def show_trouble(self, _: web.Request) -> web.Response:
        """Answer the planned trouble."""
        return web.json_response(asdict(self.box.trouble))

    async def change_trouble(self, request: web.Request) -> web.Response:
        """Change the named settings and leave the rest."""
        self._set_trouble(changed_trouble(self.box.trouble, await _given(request)))
        return web.json_response(asdict(self.box.trouble))

    async def end_trouble(self, _: web.Request) -> web.Response:
        """Switch all planned trouble off."""
        self._set_trouble(TroublePlan())
        return web.json_response(asdict(self.box.trouble))

    async def roll(self, request: web.Request) -> web.Response:
        """Roll an endpoint's secret and return the new one, once. The old one signs as well for `overlap`."""
        given = await _given(request)
        if set(given) - {"overlap"}:
            raise ApiError('Give {"overlap": seconds or "24h"}, or nothing.')
        overlap = _seconds(given.get("overlap", 0), "overlap")
        endpoint = self.box.get(request.match_info["id"], "webhook_endpoint")
        with self.box.storage.transaction():
            secret = roll_secret(self.box, endpoint, overlap)
        return web.json_response({"id": endpoint.id, "secret": secret, "overlap": overlap})

    async def show_settlement(self, _: web.Request) -> web.Response:
        """Answer the currency that payments settle in, and the rates."""
        settlement = read_settlement(self.box)
        return web.json_response({"currency": settlement.currency, "rates": dict(settlement.rates)})

    async def change_settlement(self, request: web.Request) -> web.Response:
        """Settle the currencies of `rates` in `currency` from now on; without it, each settles in its own."""
        given = await _given(request)
        if set(given) - {"currency", "rates"}:
            raise ApiError('Give {"currency": "eur", "rates": {"usd": 0.92}}, or nothing.')
        currency, rates = given.get("currency"), given.get("rates", {})
        if not isinstance(rates, dict) or not all(_is_rate(rate) for rate in rates.values()):
            raise ApiError('Invalid rates: give positive numbers, such as {"usd": 0.92}.', param="rates")
        settlement = Settlement(
            None if currency is None else currency_code(str(currency)),
            {currency_code(code, "rates"): rate for code, rate in rates.items()},
        )
        with self.box.storage.transaction():
            set_settlement(self.box, settlement)
        return await self.show_settlement(request)

    async def fail_payout(self, request: web.Request) -> web.Response:
        """Let the bank return an automatic payout, and answer it."""
        payout = self.box.get(request.match_info["id"], "payout")
        with self.box.storage.transaction():
            fail_payout(self.box, payout)
        self.box.wake.set()
        return web.json_response(payout.body)

    def _set_trouble(self, trouble: TroublePlan) -> None:
        self.box.storage.set_state("trouble", json.dumps(asdict(trouble)))
        self.box.trouble = trouble
        self.box.requests_seen = 0

    def _clock(self) -> dict[str, Any]:
        moment = now()
        return {
            "now": int(moment),
            "offset": round(self.box.storage.clock.offset, 3),
            "time": datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }

    def _target(self, given: dict[str, Any]) -> float:
        if "advance" in given:
            return now() + _seconds(given["advance"], "advance")
        ahead = _seconds(given["advance_to"], "advance_to", farthest=math.inf) - now()
        if not 0 <= ahead <= _FARTHEST:
            raise ApiError("The clock can only be advanced, by a year at most.", param="advance_to")
        return now() + ahead


def _seconds(given: Any, name: str, farthest: float = _FARTHEST) -> float:
    found = None if isinstance(given, bool) else _TIME.fullmatch(str(given).strip())
    if found is None or (seconds := float(found[1]) * _UNITS[found[2]]) > farthest:
        message = f"Invalid {name}: seconds, or a number with s, m, h, d or w such as 3d; a year at most."
        raise ApiError(message, param=name)
    return seconds


def _is_rate(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf


async def _given(request: web.Request) -> dict[str, Any]:
    """Return the request's JSON object, or a form for people who type."""
    body = (await request.read()).strip()
    if not body:
        return {}
    try:
        if body.startswith((b"{", b"[", b'"')):
            given = json.loads(body)
        else:
            given = {name: _read(value) for name, value in parse_qsl(body.decode(), strict_parsing=True)}
    except ValueError as error:
        raise ApiError(f"The body is neither JSON nor a form: {error}") from error
    if not isinstance(given, dict):
        raise ApiError("The body is not a JSON object.")
    return given


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
