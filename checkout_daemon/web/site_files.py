"""What search engines and phones ask a site for: robots.txt, sitemap.xml and manifest.webmanifest."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote
from xml.sax.saxutils import escape

import msgspec

ROBOTS, SITEMAP, MANIFEST = "/robots.txt", "/sitemap.xml", "/manifest.webmanifest"
PRODUCT = "/p/"
"""Before a product's sku, the path of its page."""
_MOST_ADDRESSES = 50_000  # https://www.sitemaps.org/protocol.html


def product_path(sku: str) -> str:
    """Return the path of a product's page."""
    return PRODUCT + quote(sku)


def robots(public_url: str) -> bytes:
    """Return robots.txt: everything may be read but orders and the API."""
    lines = ("User-agent: *", "Disallow: /api/", "Disallow: /success", "Disallow: /cancel", "")
    return "\n".join((*lines, f"Sitemap: {public_url}{SITEMAP}", "")).encode()


def sitemap(public_url: str, skus: Iterable[str]) -> bytes:
    """Return sitemap.xml: the catalog's page and each product's."""
    paths = ["/", *map(product_path, skus)][:_MOST_ADDRESSES]
    addresses = "".join(f"<url><loc>{escape(public_url + path)}</loc></url>\n" for path in paths)
    head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
    return f"{head}{addresses}</urlset>\n".encode()


def manifest(name: str, language: str, paper: str, accent: str, icon: str | None) -> bytes:
    """Return manifest.webmanifest, with which a phone puts the shop on its first screen."""
    return msgspec.json.encode(
        {
            "name": name,
            "lang": language,
            "start_url": "/",
            "display": "browser",
            "background_color": paper,
            "theme_color": accent,
            "icons": [{"src": icon or "/favicon.svg", "sizes": "any"}],
        }
    )
