"""Headers of every answer: what a browser may do with it, and who else may read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiohttp import hdrs, web

# For pages and their parts. Pictures of products may lie anywhere; styles and scripts only here, none of them inline.
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
# For data: nothing in it is to be run or shown.
DATA_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'"

_PREFLIGHT_SECONDS = "600"
_EXPOSED = "X-Request-Id, Retry-After"


def security_headers(public_url: str) -> Mapping[str, str]:
    """The headers of every answer. HTTPS is insisted on only where shoppers come through it."""
    headers = {
        "Server": "checkout-daemon",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",  # an order's address is the key to it
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
        """Whether other origins are told anything here: the shop's API, not the webhook, which no browser calls."""
        return bool(self._origins) and request.path.startswith("/api/") and request.path != "/api/webhook"

    def preflight(self, request: web.Request) -> web.Response | None:
        """Return the answer to a browser that asks first; None if this request does not."""
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
        origin = ",".join(request.headers.getall(hdrs.ORIGIN, []))  # two are none
        return origin if origin in self._origins or ("*" in self._origins and origin and "," not in origin) else None
