"""The head of each page: title, description, canonical address, OpenGraph, and the product for search engines."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from html import escape
from typing import Any

import msgspec

from checkout_daemon.catalog.cart import Product
from checkout_daemon.catalog.descriptions import plain_of
from checkout_daemon.model.money import exponent
from checkout_daemon.shop.records import Words
from checkout_daemon.web.site_files import MANIFEST, absolute, product_path

_LONGEST_DESCRIPTION = 200


def title_of(name: str, words: Words) -> str:
    """Return the title of the catalog's page: the name, and the tagline if there is one."""
    return f"{name} – {words.tagline}" if words.tagline else name


def catalog_head(name: str, words: Words, public_url: str, logo: str | None) -> list[str]:
    """Return the tags of the catalog's page. `logo` is a path."""
    pictures = [public_url + logo] if logo and not logo.endswith(".svg") else []
    return _head(name, title_of(name, words), words.description, f"{public_url}/", pictures, "website")


def product_head(shop: str, product: Product, public_url: str, *, available: bool) -> list[str]:
    """Return the tags of a product's page."""
    address = public_url + product_path(product.sku)
    text = _shortened(plain_of(product.description))
    pictures = [absolute(url, public_url) for url in product.pictures]
    tags = _head(shop, f"{product.name} – {shop}", text, address, pictures, "product")
    return [*tags, data_element(_offer(product, address, pictures, available), "application/ld+json")]


def other_head() -> list[str]:
    """Return the tags of a page that search engines should leave out."""
    return ['<meta name="robots" content="noindex">', *_common()]


def data_element(value: object, kind: str = "application/json", name: str = "") -> str:
    """Return JSON as an element that no text in it can end, and that no browser runs."""
    data = msgspec.json.encode(value).decode().replace("<", "\\u003c")
    return f'<script type="{kind}"{f" id={chr(34)}{name}{chr(34)}" if name else ""}>{data}</script>'


def _head(shop: str, title: str, description: str, address: str, pictures: list[str], kind: str) -> list[str]:
    properties = {
        "og:site_name": shop,
        "og:title": title,
        "og:type": kind,
        "og:url": address,
        "og:description": description,
    }
    tags = [f'<meta name="description" content="{escape(description)}">'] if description else []
    tags += [f'<meta property="{name}" content="{escape(text)}">' for name, text in properties.items() if text]
    tags += [f'<meta property="og:image" content="{escape(picture)}">' for picture in pictures]
    return [*tags, f'<link rel="canonical" href="{escape(address)}">', *_common()]


def _common() -> Iterator[str]:
    yield f'<link rel="manifest" href="{MANIFEST}">'


def _offer(product: Product, address: str, pictures: list[str], available: bool) -> dict[str, Any]:
    """Return the product as https://schema.org/Product."""
    state = "InStock" if available else "OutOfStock"
    about = {"description": plain_of(product.description), "image": pictures[0] if len(pictures) == 1 else pictures}
    return {
        "@context": "https://schema.org",
        "@type": "Product",
        "name": product.name,
        "sku": product.sku,
        **{name: text for name, text in about.items() if text},
        "offers": {
            "@type": "Offer",
            "url": address,
            "price": f"{Decimal(product.unit_amount).scaleb(-exponent(product.currency)):f}",
            "priceCurrency": product.currency.upper(),
            "availability": f"https://schema.org/{state}",
        },
    }


def _shortened(text: str) -> str:
    """Return the text in one line, cut between words, or anywhere if the language has no blanks between them."""
    line = " ".join(text.split())
    if len(line) <= _LONGEST_DESCRIPTION:
        return line
    cut = line[: _LONGEST_DESCRIPTION - 1]
    words = cut.rpartition(" ")[0]
    return (words if len(words) > _LONGEST_DESCRIPTION // 2 else cut) + "…"
