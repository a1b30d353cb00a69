"""Who may use the sandbox's own routes: programs, and its own page; never a web page from elsewhere.

Any page a developer opens can send requests to 127.0.0.1, and a name of its own can be made to point there.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from aiohttp import web

from checkout_daemon.sandbox.box import Box


def check_origin(request: web.Request, box: Box) -> None:
    """Raises web.HTTPForbidden for what a foreign page sent."""
    check_host(request, box)
    _check_sender(request)


def check_host(request: web.Request, box: Box) -> None:
    """Raises web.HTTPForbidden for a name that is not the sandbox's; a link from any page may lead here."""
    host = _hostname(f"//{request.host}")
    if not _is_local(host) and host != box.settings.host and box.settings.host not in ("0.0.0.0", "::"):  # noqa: S104
        raise web.HTTPForbidden(text=f"The offline Stripe does not answer to the name {host}; use 127.0.0.1.\n")


def _check_sender(request: web.Request) -> None:
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise web.HTTPForbidden(text="This came from another page.\n")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="This came from another page.\n")


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
