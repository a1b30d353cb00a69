"""Check the URLs that clients give."""

from __future__ import annotations

from urllib.parse import urlsplit

from checkout_daemon.sandbox.errors import ApiError


def check_url(url: str, param: str) -> str:
    """Return the URL. Raises ApiError if it is not an absolute HTTP URL."""
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and not set(url) & set(" \t\r\n")
        parts.port  # noqa: B018 - raises ValueError for what is no port
    except ValueError:
        valid = False
    if not valid:
        raise ApiError("Not a valid URL", code="url_invalid", param=param)
    return url
