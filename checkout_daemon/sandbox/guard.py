"""Decide who may use the sandbox: programs and its own pages, but never a web page from elsewhere.

Any page that a developer opens can send requests to 127.0.0.1, and a domain of its own can point there. So every route
checks the Host header. Whatever changes something, and everything below /sandbox, also checks which page sent the
request: a form of any page could otherwise pay a session, and with a key in its address call the API.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from checkout_daemon.sandbox.box import Box

BOX = web.AppKey("box", Box)
# Not digits only: browsers read those as an address.
_ONE_WORD = re.compile(r"(?=[^.]*[a-z])(?!0x)[a-z0-9_-]{1,63}")


def check_origin(request: web.Request, box: Box) -> None:
    """Raise web.HTTPForbidden for a request that a foreign page sent."""
    check_host(request, box)
    _check_sender(request)


@web.middleware
async def refuse_strangers(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse requests that address the sandbox by a name that is not its own, and changes that another page sent."""
    box = request.app[BOX]
    if not through_unix_socket(request):
        try:
            check_host(request, box)
            if request.method not in ("GET", "HEAD") or "Upgrade" in request.headers:
                _check_sender(request)
        except web.HTTPForbidden as refusal:
            if request.path.startswith("/v1/"):
                message = (refusal.text or "").strip()
                error = {"error": {"type": "invalid_request_error", "message": message}}
                return web.json_response(error, status=403)
            raise
    return await handler(request)


def check_host(request: web.Request, box: Box) -> None:
    """Raise web.HTTPForbidden for a host name that is not the sandbox's.

    If it listens on all addresses, any address is accepted, and so are names of one word, as containers have: only a
    name with a domain can be pointed at this machine from outside. A client so old that it sends no Host header is not
    a browser.
    """
    given = request.headers.get("Host")
    host = "localhost" if given is None else hostname(f"//{given}")
    settings = box.settings
    if is_loopback(host) or host.endswith(".localhost"):  # RFC 6761: browsers resolve it without a name server
        return
    if host in (settings.host.lower(), *(name.lower() for name in settings.names)):
        return
    everywhere = settings.host in ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
    if everywhere and (_address(host) or _ONE_WORD.fullmatch(host)):
        return
    raise web.HTTPForbidden(
        text=f"The offline Stripe does not answer to the name {host[:100]!r}: use 127.0.0.1, or start it with "
        "--allow-host and this name.\n"
    )


def _check_sender(request: web.Request) -> None:
    """Raise web.HTTPForbidden for a request that a page from elsewhere sent. Programs send neither header."""
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise web.HTTPForbidden(text="This request came from another page.\n")
    origin = request.headers.get("Origin")
    if origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="This request came from another page.\n")


def hostname(url: str) -> str:
    """Return the host of a URL in lower case, or "" if it has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, whatever a name server answers."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def is_foreign_address(host: str) -> bool:
    """Return whether a host is an IP address of another machine. No name is resolved."""
    address = _address(host)
    return address is not None and not address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def through_unix_socket(request: web.Request) -> bool:
    """Return whether a request came through the unix socket, which no web page can use."""
    taken = request.transport.get_extra_info("socket") if request.transport is not None else None
    return taken is not None and taken.family == socket.AF_UNIX
