"""Handle what all API requests share: the key, Stripe's headers, stored answers for idempotency keys, errors."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import logging
import socket
from functools import cache, partial
from wsgiref.handlers import format_date_time

from aiohttp import web

from checkout_daemon.sandbox.api.expand import expand
from checkout_daemon.sandbox.api.faults import Limiter, lose, plan_strike, server_error, too_many_requests
from checkout_daemon.sandbox.api.request_log import RequestLog, header
from checkout_daemon.sandbox.api.router import Router
from checkout_daemon.sandbox.box import ACCOUNT_ID, API_VERSION, Box, Operation, Origin
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.parameters.forms import FormError, Tree, decode_form
from checkout_daemon.sandbox.parameters.specs import read_params
from checkout_daemon.sandbox.parameters.stripe_types import choices, parameters
from checkout_daemon.sandbox.pretty import pretty
from checkout_daemon.sandbox.storage import KeptAnswer
from checkout_daemon.sandbox.trouble import Strike

_logger = logging.getLogger(__name__)
_KEYS = ("sk_test_", "rk_test_")
_LONGEST_KEY = 255


class Api:
    """The handler of every path below /v1."""

    def __init__(self, box: Box, router: Router) -> None:
        self.box = box
        self.router = router
        self.in_flight: set[str] = set()
        self.limiter = Limiter()

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a request, or fail as planned. Either way the request is logged."""
        log = RequestLog(self.box, request)
        strike = plan_strike(self.box)
        if strike is not None and strike.ends_connection and not strike.after:
            return await lose(request, strike, log)
        response = await self._answer(request, log.request_id, strike)
        if strike is not None and strike.ends_connection:
            return await lose(request, strike, log)
        await log.write(response, strike)
        return response

    async def _answer(self, request: web.Request, request_id: str, strike: Strike | None) -> web.Response:
        headers = {
            "Date": format_date_time(now()),
            "Request-Id": request_id,
            "Stripe-Version": API_VERSION,
        }
        key = header(request, "Idempotency-Key") if request.method == "POST" else None
        if key:
            headers["Idempotency-Key"] = _plain(key)
        try:
            account = check_key(header(request, "Authorization") or "")
            for name in ("Stripe-Account", "Stripe-Context"):
                _check_account(header(request, name))
            check_version(header(request, "Stripe-Version"))
            self.limiter.check(self.box.trouble.rate_limit)
            if strike is not None and strike.name == "api_429":
                raise too_many_requests()
            operation, object_id = self.router.find(request.method, request.path)
            origin = _origin(request, request_id, key)
            fault = strike if strike is not None and strike.name == "api_500" else None
            if key is None:
                tree = await _tree(request)
                status, body = self._perform(operation, object_id, tree, request, origin, fault=fault)
            elif not 0 < len(key) <= _LONGEST_KEY:
                raise ApiError("Idempotency keys must have 1 to 255 characters.", kind="idempotency_error")
            else:
                status, body, replayed = await self._perform_once(
                    f"{account}:{key}", operation, object_id, request, origin, fault
                )
                if replayed:
                    headers |= {"Idempotent-Replayed": "true", "Original-Request": replayed}
        except ApiError as error:
            status, body = error.status, _dump(error, request_id)
            headers |= error.headers
        except web.HTTPRequestEntityTooLarge:
            status, body = 413, _dump(ApiError("Request too large."), request_id)
        except (FormError, UnicodeDecodeError) as error:
            status, body = 400, _dump(ApiError(str(error)), request_id)
        if status == 409:
            headers["Stripe-Should-Retry"] = "true"
        return web.Response(status=status, text=body, content_type="application/json", headers=headers)

    async def _perform_once(
        self,
        key: str,
        operation: Operation,
        object_id: str,
        request: web.Request,
        origin: Origin,
        fault: Strike | None,
    ) -> tuple[int, str, str | None]:
        """Return the status, the body, and the id of the earlier request if its answer is replayed."""
        if key in self.in_flight:
            raise ApiError(
                "There is currently another in-progress request using this Idempotency Key (that probably means you "
                "submitted twice, and the other request is still going through): "
                f"{origin.idempotency_key}. Try again once the previous request has completed.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        self.in_flight.add(key)
        try:
            tree = await _tree(request)
            fingerprint = _fingerprint(request, tree)
            kept = self.box.storage.answer(key)
            if kept is None:
                status, body = self._perform(operation, object_id, tree, request, origin, key, fingerprint, fault)
                return status, body, None
        finally:
            self.in_flight.discard(key)
        if kept.fingerprint != fingerprint:
            raise ApiError(
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{origin.idempotency_key}' if you meant to execute a different request.",
                kind="idempotency_error",
            )
        return kept.status, kept.body, kept.request_id

    def _perform_late(
        self, operation: Operation, object_id: str, tree: Tree, request: web.Request, origin: Origin
    ) -> None:
        """Apply the effect of a request that was answered with a 500, unless the sandbox has stopped."""
        if not self.box.closed:
            self._perform(operation, object_id, tree, request, origin)

    def _perform(
        self,
        operation: Operation,
        object_id: str,
        tree: Tree,
        request: web.Request,
        origin: Origin,
        key: str | None = None,
        fingerprint: str = "",
        fault: Strike | None = None,
    ) -> tuple[int, str]:
        """Run an operation and store its answer in one transaction. Nothing else runs in between."""
        box = self.box
        box.origin = origin
        request_id = origin.request_id or ""
        refused: ApiError | None = None
        try:
            with box.storage.transaction():
                try:
                    if fault is not None and fault.later_seconds is not None and request.method != "GET":
                        again = partial(self._perform_late, operation, object_id, tree, request, origin)
                        asyncio.get_running_loop().call_later(fault.later_seconds, again)
                        raise server_error(stored=True)
                    if fault is not None and not fault.after:
                        raise server_error(stored=box.trouble.api_500_stored)
                    params = read_params(tree, operation.specs, parameters(operation.method, operation.path))
                    paths = params.pop("expand", None) or []
                    body = operation.handler(box, params, object_id)
                    text = pretty(expand(box.storage, body, paths))
                except ApiError as error:
                    refused = error
                    if not error.keep:
                        raise
                    status, text = error.status, _dump(error, request_id)
                else:
                    status = 200
                given = status, text
                if fault is not None and fault.after:
                    given = 500, _dump(server_error(stored=True), request_id)
                    if box.trouble.api_500_stored:
                        status, text = given
                if key is not None:
                    box.storage.keep_answer(key, KeptAnswer(fingerprint, status, text, request_id))
                status, text = given
        except ApiError as error:
            status, text = error.status, _dump(error, request_id)
            if key is not None and error.stored:
                box.storage.keep_answer(key, KeptAnswer(fingerprint, status, text, request_id))
        except Exception:
            _logger.exception("%s %s failed", request.method, request.path)
            status, text = 500, _dump(ApiError("An unknown error occurred.", kind="api_error"), request_id)
        if refused is None or refused.keep:
            box.wake.set()
        return status, text


def check_key(authorization: str) -> str:
    """Return who is asking, from a test key as Stripe's clients send it. Raises ApiError (401)."""
    scheme, _, given = authorization.partition(" ")
    given = given.strip()
    if scheme.lower() == "basic":
        try:
            given = base64.b64decode(given, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            given = ""
    elif scheme.lower() != "bearer":
        given = ""
    if not given:
        raise ApiError(
            "You did not provide an API key. You need to provide your API key in the Authorization header, using "
            "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            status=401,
        )
    if not given.startswith(_KEYS) or given in _KEYS:
        shown = f"{given[:8]}{'*' * min(len(given), 12)}{given[-4:] if len(given) > 16 else ''}"
        message = f"Invalid API Key provided: {shown}. The offline sandbox takes any sk_test_… or rk_test_… key."
        raise ApiError(message, status=401)
    return hashlib.sha256(given.encode()).hexdigest()[:16]


def _check_account(given: str | None) -> None:
    """Raise ApiError (403) if a request names another account: the sandbox has only one."""
    if given not in (None, "", ACCOUNT_ID):
        raise ApiError(
            f"The provided key does not have access to account '{given[:100]}' (or that account does not exist). "
            "Application access may have been revoked.",
            status=403,
            code="account_invalid",
        )


def check_version(given: str | None) -> None:
    """Raise ApiError (400) for a version that Stripe never had. Older ones are answered in the sandbox's version."""
    if given and given.partition(";")[0].rstrip() not in known_versions():
        raise ApiError(f"Invalid Stripe API version: {given[:100]}", stored=False)


@cache
def known_versions() -> frozenset[str]:
    """Return every version of Stripe's API up to the sandbox's own."""
    shape = parameters("POST", "/v1/webhook_endpoints") or {}
    return frozenset(choices(shape["api_version"]))


def _origin(request: web.Request, request_id: str, key: str | None) -> Origin:
    """Return the origin of what this request causes, with the websocket's address as this client reaches it."""
    base_url = str(request.url.origin())
    from_cli = "stripe-cli" in request.headers.get("User-Agent", "")
    taken = request.transport.get_extra_info("socket") if request.transport is not None else None
    if taken is not None and taken.family == socket.AF_UNIX:
        # Through the unix socket the CLI accepts any name. With HTTPS_PROXY set it accepts only this domain.
        return Origin(request_id, key, base_url, "wss://offline.dev.stripe.me", from_cli)
    return Origin(request_id, key, base_url, f"ws{base_url.removeprefix('http')}", from_cli)


async def _tree(request: web.Request) -> Tree:
    """Return the parameters, from the query string for GET and DELETE, else from the body."""
    if request.method in ("GET", "DELETE"):
        return decode_form(request.rel_url.raw_query_string)
    body = await request.read()
    if request.content_type not in ("application/x-www-form-urlencoded", "application/octet-stream", "text/plain"):
        if body:
            raise ApiError(
                f"Invalid request (check that your POST content type is application/x-www-form-urlencoded): "
                f"{request.content_type[:100]}"
            )
        return {}
    return decode_form(body.decode())


def _fingerprint(request: web.Request, tree: Tree) -> str:
    text = json.dumps([request.method, request.path, tree], sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def _dump(error: ApiError, request_id: str) -> str:
    body = error.body()
    body["error"]["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
    return pretty(body)


def _plain(text: str | None) -> str:
    """Return a text without the characters that a header value cannot have."""
    return "".join(character for character in text or "" if 32 <= ord(character) < 127)[:_LONGEST_KEY]
