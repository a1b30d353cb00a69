"""Decide who may read /metrics, which reveals how much the shop sells."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from aiohttp import HttpVersion11, hdrs, web

from checkout_daemon.web.proxies import parse_address

_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost")
# Headers that reverse proxies add. One that adds none speaks HTTP/1.0 (nginx) or passes on the public name as Host.
_FORWARDING = (
    hdrs.FORWARDED,
    hdrs.VIA,
    hdrs.X_FORWARDED_FOR,
    hdrs.X_FORWARDED_HOST,
    hdrs.X_FORWARDED_PROTO,
    "X-Forwarded-Server",
    "X-Real-IP",
    "CF-Connecting-IP",
)


@dataclass(frozen=True, slots=True)
class MetricsAccess:
    """The rule by `mode`: local (this machine, without a proxy in between), public (anyone) or off (nobody).

    A request with the `token` may read metrics in any mode.
    """

    mode: str
    token: str | None = field(default=None, repr=False)

    def allows(self, request: web.Request) -> bool:
        """Return whether this request may read the metrics."""
        if self.token is not None:
            scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
            token = given.strip(" ").encode("utf-8", "surrogateescape")
            # The scheme is case-insensitive (RFC 9110, 11.1).
            if scheme.lower() == "bearer" and hmac.compare_digest(token, self.token.encode()):
                return True
        return self.mode == "public" or (self.mode == "local" and _is_local(request))


def _is_local(request: web.Request) -> bool:
    peer = parse_address(request.remote or "")
    return (
        peer is not None
        and peer.is_loopback
        and request.version >= HttpVersion11
        and not any(name in request.headers for name in _FORWARDING)
        and _names_this_machine(request.headers.get(hdrs.HOST, ""))
    )


def _names_this_machine(host: str) -> bool:
    if host.rpartition(":")[0].lower() in _NAMES or host.lower() in _NAMES:
        return True
    address = parse_address(host)
    return address is not None and address.is_loopback
