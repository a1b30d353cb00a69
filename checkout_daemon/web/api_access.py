"""Decide who may use the routes of the shop's own systems: a bearer token with the scope, not too often."""

from __future__ import annotations

import math
import socket
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from checkout_daemon.database.pool import Database
from checkout_daemon.web.failures import InsufficientScope, InvalidToken, TokenRequired, TooManyRequests
from checkout_daemon.web.limits import AddressLimit, TokenBuckets

if TYPE_CHECKING:  # imported late, with the routes that are for tokens
    from checkout_daemon.audit.operators import Operator
    from checkout_daemon.tokens.api_tokens import Bearer, Scope

REFUSALS_A_MINUTE = 60
"""So many wrong tokens one address may send before it is refused without a look at the database."""


class ApiAccess:
    """Admits requests with a token. `per_minute` requests of one token; 0 is no limit."""

    def __init__(self, per_minute: int, refusals: AddressLimit) -> None:
        self._buckets = TokenBuckets(per_minute) if per_minute else None
        self._refusals = refusals

    async def admit(self, request: web.Request, database: Database, scope: Scope) -> Bearer:
        """Return whose token came with the request.

        Raise TokenRequired, InvalidToken, InsufficientScope or TooManyRequests.
        """
        from checkout_daemon.tokens.api_tokens import check_bearer

        given = request.headers.getall(hdrs.AUTHORIZATION, [])
        if not given:
            raise TokenRequired
        scheme, _, token = given[0].partition(" ")
        bearer = None
        if len(given) == 1 and scheme.lower() == "bearer":  # the scheme is case-insensitive (RFC 9110, 11.1)
            self._refusals.require(request)
            bearer = await check_bearer(database, token.strip(" "))
        if bearer is None:
            self._refusals.check(request)
            raise InvalidToken
        if self._buckets is not None and (wait_seconds := self._buckets.take(bearer.id)):
            raise TooManyRequests(math.ceil(wait_seconds), f"too many requests with the token {bearer.name}")
        if scope not in bearer.scopes:
            raise InsufficientScope(scope)
        return bearer


def operator_of(bearer: Bearer) -> Operator:
    """Return who the audit log names for what is done with a token."""
    from checkout_daemon.audit.operators import Operator

    return Operator(bearer.operator or f"token:{bearer.name}", socket.gethostname())
