"""Handle what all API requests share: Stripe's headers, stored answers for idempotency keys, errors."""

from __future__ import annotations

import base64
from dataclasses import replace
from wsgiref.handlers import format_date_time

from aiohttp import web

from checkout_daemon.sandbox.api.calls import Call, error_text, perform
from checkout_daemon.sandbox.api.client_headers import check_account, check_key, check_version, who_asks
from checkout_daemon.sandbox.api.faults import Limiter, close_connection, plan_strike, too_many_requests
from checkout_daemon.sandbox.api.request_log import RequestLog, header
from checkout_daemon.sandbox.api.restricted import check_permission
from checkout_daemon.sandbox.api.router import Router
from checkout_daemon.sandbox.box import API_VERSION, Box, Origin
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.guard import through_unix_socket
from checkout_daemon.sandbox.parameters.forms import FormError, Tree, build_tree, decode_form, read_pairs
from checkout_daemon.sandbox.trouble import Strike

_LONGEST_KEY = 255
_UPLOADS = "/v1/files"
_FORMS = ("application/x-www-form-urlencoded", "application/octet-stream", "text/plain")


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
            return await close_connection(request, strike, log)
        response = await self._answer(request, log.request_id, strike)
        if strike is not None and strike.ends_connection:
            return await close_connection(request, strike, log)
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
            api_key = check_key(header(request, "Authorization") or "")
            for name in ("Stripe-Account", "Stripe-Context"):
                check_account(header(request, name))
            check_version(header(request, "Stripe-Version"))
            self.limiter.check(self.box.trouble.rate_limit)
            if strike is not None and strike.name == "api_429":
                raise too_many_requests()
            check_permission(api_key, self.box.trouble.denied, request.method, request.path)
            operation, object_id = self.router.find(request.method, request.path)
            origin = _origin(request, request_id, key)
            fault = strike if strike is not None and strike.name == "api_500" else None
            call = Call(request.method, request.path, operation, object_id, origin, fault)
            if key is None:
                status, body = perform(self.box, replace(call, tree=await _tree(request)))
            elif not 0 < len(key) <= _LONGEST_KEY:
                raise ApiError("Idempotency keys must have 1 to 255 characters.", kind="idempotency_error")
            else:
                status, body, replayed = await self._perform_once(f"{who_asks(api_key)}:{key}", call, request)
                if replayed:
                    headers |= {"Idempotent-Replayed": "true", "Original-Request": replayed}
        except ApiError as error:
            status, body = error.status, error_text(error, request_id)
            headers |= error.headers
        except web.HTTPRequestEntityTooLarge:
            status, body = 413, error_text(ApiError("Request too large."), request_id)
        except (FormError, UnicodeDecodeError) as error:
            status, body = 400, error_text(ApiError(str(error)), request_id)
        if status == 409:
            headers["Stripe-Should-Retry"] = "true"
        return web.Response(status=status, text=body, content_type="application/json", headers=headers)

    async def _perform_once(self, key: str, call: Call, request: web.Request) -> tuple[int, str, str | None]:
        """Return the status, the body, and the id of the earlier request if its answer is replayed."""
        given = call.origin.idempotency_key
        if key in self.in_flight:
            raise ApiError(
                "There is currently another in-progress request using this Idempotency Key (that probably means you "
                "submitted twice, and the other request is still going through): "
                f"{given}. Try again once the previous request has completed.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
        self.in_flight.add(key)
        try:
            call = replace(call, tree=await _tree(request), key=key)
            kept = self.box.storage.answer(key)
            if kept is None:
                return *perform(self.box, call), None
        finally:
            self.in_flight.discard(key)
        first_path, _, first_digest = kept.fingerprint.rpartition(" ")
        if first_digest != call.fingerprint.rpartition(" ")[2]:
            raise _key_in_other_request(str(given), first_path or call.path, call.path)
        return kept.status, kept.body, kept.request_id


def _key_in_other_request(key: str, first_path: str, path: str) -> ApiError:
    """Return the error for a key that was first used for another path, or with other parameters."""
    limit = "with the same parameters they were first used with"
    if first_path != path:
        limit = f"for the same endpoint they were first used for ('{path}' vs '{first_path}')"
    return ApiError(
        f"Keys for idempotent requests can only be used {limit}. Try using a key other than '{key}' if you meant to "
        "execute a different request.",
        kind="idempotency_error",
    )


def _origin(request: web.Request, request_id: str, key: str | None) -> Origin:
    """Return the origin of what this request causes, with the websocket's address as this client reaches it."""
    base_url = str(request.url.origin())
    from_cli = "stripe-cli" in request.headers.get("User-Agent", "")
    if through_unix_socket(request):
        # Through the unix socket the CLI accepts any name. With HTTPS_PROXY set it accepts only this domain.
        return Origin(request_id, key, base_url, "wss://offline.dev.stripe.me", from_cli)
    return Origin(request_id, key, base_url, f"ws{base_url.removeprefix('http')}", from_cli)


async def _tree(request: web.Request) -> Tree:
    """Return the parameters, from the query string and the body. The body wins."""
    query = request.rel_url.raw_query_string
    if request.content_type == "multipart/form-data" and request.path == _UPLOADS:
        return build_tree([*read_pairs(query), *await _parts(request)])
    body = await request.read()
    if body and request.content_type not in _FORMS:
        raise ApiError(
            f"Invalid request (check that your POST content type is application/x-www-form-urlencoded): "
            f"{request.content_type[:100]}"
        )
    return decode_form("&".join(part for part in (query, body.decode()) if part))


async def _parts(request: web.Request) -> list[tuple[str, str]]:
    """Return the parts of a multipart body; a file becomes its name, and its content in base64."""
    pairs: list[tuple[str, str]] = []
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            with value.file:
                content = base64.b64encode(value.file.read()).decode()
            pairs += [(f"{name}[name]", value.filename), (f"{name}[data]", content)]
        else:
            pairs.append((name, value if isinstance(value, str) else value.decode()))
    return pairs


def _plain(text: str | None) -> str:
    """Return a text without the characters that a header value cannot have."""
    return "".join(character for character in text or "" if 32 <= ord(character) < 127)[:_LONGEST_KEY]
