"""What search engines and phones ask a site for: robots.txt, sitemap.xml and manifest.webmanifest."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote
from xml.sax.saxutils import escape

import msgspec

from checkout_daemon.catalog.cart import Product

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


def sitemap(public_url: str, products: Iterable[Product]) -> bytes:
    """Return sitemap.xml: the catalog's page, and each product's with its pictures."""
    pages = [("/", ()), *((product_path(product.sku), product.pictures) for product in products)][:_MOST_ADDRESSES]
    addresses = "".join(f"<url>{_loc(public_url + path)}{_images(public_url, urls)}</url>\n" for path, urls in pages)
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'
        ' xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">\n'
    )
    return f"{head}{addresses}</urlset>\n".encode()


def absolute(url: str, public_url: str) -> str:
    """Return the address of a picture, which may be a path of the storefront."""
    return public_url + url if url.startswith("/") else url


def _loc(address: str, kind: str = "loc") -> str:
    return f"<{kind}>{escape(address)}</{kind}>"


def _images(public_url: str, urls: Iterable[str]) -> str:
    return "".join(f"<image:image>{_loc(absolute(url, public_url), 'image:loc')}</image:image>" for url in urls)


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
