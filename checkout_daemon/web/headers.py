"""Security headers of every answer, and CORS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiohttp import hdrs, web

# For pages. Product pictures may be anywhere; styles and scripts only here, and none inline.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' https: data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# For data: a browser must not run or show anything in it.
DATA_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'"

_PREFLIGHT_SECONDS = "600"
_NEVER_FROM_BROWSERS = ("/api/webhook", "/api/orders", "/api/proposals")
_EXPOSED = "X-Request-Id, Retry-After"


def security_headers(public_url: str) -> Mapping[str, str]:
    """Return the headers of every answer. Require HTTPS only if shoppers use it."""
    headers = {
        "Server": "checkout-daemon",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",  # an order's address is its access key
        "X-Frame-Options": "DENY",
        "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
    if public_url.startswith("https://"):
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers


class CrossOrigin:
    """CORS for storefronts hosted elsewhere: https://fetch.spec.whatwg.org/#http-cors-protocol. `*` allows any."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origin.rstrip("/") for origin in origins)

    def covers(self, request: web.Request) -> bool:
        """Return whether other origins may call this path: the shop's API, not what no browser calls."""
        path = request.path
        return bool(self._origins) and path.startswith("/api/") and not path.startswith(_NEVER_FROM_BROWSERS)

    def preflight(self, request: web.Request) -> web.Response | None:
        """Return the answer to a preflight request, or None if this is not one."""
        if request.method != hdrs.METH_OPTIONS or hdrs.ACCESS_CONTROL_REQUEST_METHOD not in request.headers:
            return None
        response = web.Response(status=204)
        if self._allowed(request) is not None:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_METHODS] = "GET, HEAD, POST"
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_HEADERS] = "Content-Type, Idempotency-Key, Checkout-Challenge"
            response.headers[hdrs.ACCESS_CONTROL_MAX_AGE] = _PREFLIGHT_SECONDS
        return response

    def open(self, request: web.Request, response: web.StreamResponse) -> None:
        """Let an allowed origin read the answer."""
        response.headers.add(hdrs.VARY, "Origin")
        if (origin := self._allowed(request)) is not None:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = origin
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = _EXPOSED

    def _allowed(self, request: web.Request) -> str | None:
        origin = ",".join(request.headers.getall(hdrs.ORIGIN, []))  # two origins match none
        return origin if origin in self._origins or ("*" in self._origins and origin and "," not in origin) else None
