"""The storefront's page with the shop in it, so that search engines, and people without script, can read it.

The build's index.html has marks where the daemon writes the head, the shop's words as data for the script, and the
catalog's names and prices, which show where no script runs.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import sha256
from html import escape
from pathlib import Path

import msgspec
from aiohttp import hdrs, web

from checkout_daemon.catalog.cart import SKU, Product
from checkout_daemon.catalog.descriptions import html_of
from checkout_daemon.catalog.memory import CatalogMemory, CatalogSnapshot
from checkout_daemon.errors import CheckoutError, DatabaseUnavailable
from checkout_daemon.model.locale import known_locale, preferred_locale
from checkout_daemon.model.money import format_money
from checkout_daemon.patience import within
from checkout_daemon.settings import Settings
from checkout_daemon.shop.colors import complete, for_dark
from checkout_daemon.shop.records import Words
from checkout_daemon.shop.selling import Shipping
from checkout_daemon.shop.translations import gaps_in
from checkout_daemon.web.answers import json_response
from checkout_daemon.web.fields import list_field
from checkout_daemon.web.files import File, file_of
from checkout_daemon.web.product_answers import product_answers
from checkout_daemon.web.schemas import ShopAnswer, ShopLink, ShopShipping, ShopWords, StorefrontTexts
from checkout_daemon.web.shop_heads import catalog_head, data_element, other_head, product_head, title_of
from checkout_daemon.web.site_files import MANIFEST, PRODUCT, ROBOTS, SITEMAP, manifest, product_path, robots, sitemap

log = logging.getLogger(__name__)

PATH = "/api/shop"
PAGES: Mapping[str, str] = json.loads(Path(__file__).with_name("pages.json").read_text(encoding="utf-8"))
"""The paths for which the storefront has a page. Its router (frontend/src/app/route.ts) reads the same file."""

_TITLE = "<title>Shop</title>"
_LOGO = '<a class="logo" href="/">Shop</a>'
_LANGUAGE = '<html lang="en">'
_HEAD = "<!-- head -->"
_FALLBACK = "<!-- fallback -->"
_PAPER, _DARK_PAPER, _ACCENT = "#faf8f4", "#171614", "#2d5a4a"  # as in the build's styles
_MOST_LISTED = 100
_MOST_FIRST = 48  # of the products that the storefront shows at once
_MOST_PAGES = 300
_CATALOG, _ORDER, _LOST, _UNREAD = "/", "order", "lost", "unread"
_STATUSES = {_LOST: 404, _UNREAD: 503}  # unread: whether there is the product is not known yet
_CATALOG_SECONDS = 0.5  # the page itself is worth more than the list for those without script


class ShopPages:
    """Makes the page for each language of the shop, again whenever the catalog or its shown stock has changed."""

    def __init__(self, settings: Settings) -> None:
        """Prepare the files that the page refers to: the shop's colours and logo."""
        self._settings = settings
        self._shop = settings.shop
        self._template = ""
        self._catalog: CatalogMemory | None = None
        self._snapshot: CatalogSnapshot | None = None
        self._shown: tuple[str, dict[str, int]] | None = None
        self._pages: dict[tuple[str, str], File] = {}
        self._making = asyncio.Lock()
        self.files: dict[str, bytes] = {}
        self._theme = self._add("shop", ".css", _theme(self._shop.light, self._shop.dark))
        logo = self._shop.logo
        self._logo = self._add("logo", logo.suffix, logo.content) if logo else None
        self._translations = {language: self._translation(language) for language in self._shop.languages}
        self.answer = self._answer()
        self.files[ROBOTS] = robots(settings.public_url)
        self.files[MANIFEST] = self._manifest()
        for gap in gaps_in(self._shop.translations):
            log.warning("the shop's texts have a gap: %s", gap)

    def take(self, template: bytes) -> None:
        """Use this page of the build."""
        self._template = template.decode()

    def follow(self, catalog: CatalogMemory) -> None:
        """List the products of this catalog."""
        self._catalog = catalog

    async def page(self, request: web.Request) -> tuple[File, int]:
        """Return the page in the language that the browser asks for, and its status."""
        await self._refresh()
        language = self._language(list_field(request, hdrs.ACCEPT_LANGUAGE) or "")
        place = self._place(request.rel_url.raw_path)
        return await self._made((language, place), partial(self._make, language, place)), _STATUSES.get(place, 200)

    async def sitemap(self) -> File:
        """Return the addresses of the catalog and of every product. Raise DatabaseUnavailable before it was read."""
        await self._refresh()
        if self._snapshot is None:
            raise DatabaseUnavailable("the catalog could not be read yet")
        return await self._made(("", SITEMAP), self._make_sitemap)

    async def _made(self, key: tuple[str, str], make: Callable[[CatalogSnapshot | None], File]) -> File:
        """Return the page with this key for the catalog as it is now, made in a thread unless it is kept."""
        async with self._making:
            pages = self._pages  # of this state of the catalog: another request may find a newer one meanwhile
            if (page := pages.get(key)) is None:
                if len(pages) >= _MOST_PAGES:
                    pages.clear()
                page = pages[key] = await asyncio.to_thread(make, self._snapshot)
        return page

    def _place(self, path: str) -> str:
        """Return the path of the catalog or of a product that there is, or what other pages have in common."""
        if path.startswith(PRODUCT):
            sku = path.removeprefix(PRODUCT)
            if self._snapshot is None and SKU.fullmatch(sku):
                return _UNREAD
            return path if self._snapshot and sku in self._snapshot.products else _LOST
        if path in PAGES:
            return _CATALOG if PAGES[path] == "catalog" else _ORDER
        return _LOST

    async def _refresh(self) -> None:
        if self._catalog is None:
            return
        try:
            with within(_CATALOG_SECONDS):
                snapshot = await self._catalog.read()
        except CheckoutError as error:
            log.info("the page lists no new products: %s", error.detail)
            return
        if snapshot is not self._snapshot:
            shown = (snapshot.state, snapshot.left)  # most orders change the stock, and nothing that is shown
            if shown != self._shown:
                self._pages = {}
            self._snapshot, self._shown = snapshot, shown

    def _language(self, accepted: str) -> str:
        wanted = preferred_locale(accepted, self._shop.languages)
        return wanted.partition("-")[0] if wanted else self._own_language()

    def _own_language(self) -> str:
        own = self._settings.locale.partition("-")[0]
        return own if own in self._shop.languages else self._shop.languages[0]

    def _make(self, language: str, place: str, snapshot: CatalogSnapshot | None) -> File:
        # `lost` may be a product's sku as well.
        product = snapshot.products.get(place.removeprefix(PRODUCT)) if snapshot and place.startswith(PRODUCT) else None
        texts, words, name = self._shop.texts_in(language), self._shop.words_in(language), self._settings.shop_name
        title = f"{product.name} – {name}" if product else title_of(name, words)
        fallback = self._order_fallback(language) if place == _ORDER else self._fallback(language, snapshot)
        if product and snapshot:
            fallback = self._product_fallback(language, product, available=self._can_be_bought(snapshot, product))
        page = self._template
        direction = ' dir="rtl"' if texts["language"]["direction"] == "rtl" else ""
        page = page.replace(_LANGUAGE, f'<html lang="{escape(language)}"{direction}>', 1)
        page = page.replace(_TITLE, f"<title>{escape(title)}</title>", 1)
        page = page.replace(_LOGO, f'<a class="logo" href="/">{self._picture() or escape(name)}</a>', 1)
        page = page.replace(_FALLBACK, fallback, 1)
        # Last: it holds the shop's own words.
        page = page.replace(_HEAD, "\n    ".join(self._head(language, place, product, snapshot)), 1)
        body = page.encode()
        return _page_file({"": body, ".gz": gzip.compress(body, 6, mtime=0)})

    def _make_sitemap(self, snapshot: CatalogSnapshot | None) -> File:
        body = sitemap(self._settings.public_url, snapshot.products.values() if snapshot else ())
        return file_of(SITEMAP, {SITEMAP: body, f"{SITEMAP}.gz": gzip.compress(body, 6, mtime=0)})

    def _can_be_bought(self, snapshot: CatalogSnapshot, product: Product) -> bool:
        return snapshot.is_available(product) and product.currency == self._settings.currency

    def _head(
        self, language: str, place: str, product: Product | None, snapshot: CatalogSnapshot | None
    ) -> Iterator[str]:
        settings = self._settings
        if product and snapshot:
            available = self._can_be_bought(snapshot, product)
            yield from product_head(settings.shop_name, product, settings.public_url, available=available)
        elif place == _CATALOG:
            yield from catalog_head(settings.shop_name, self._shop.words_in(language), settings.public_url, self._logo)
        else:
            yield from other_head()
        yield from self._browser_colors()
        if self._logo and self._logo.endswith(".png"):  # all that phones take
            yield f'<link rel="apple-touch-icon" href="{self._logo}">'
        if self._theme:
            yield f'<link rel="stylesheet" href="{self._theme}">'
        yield data_element(self.answer, name="shop")
        yield data_element(self._shop.texts_in(language), name="texts")
        if product and snapshot:
            (shown,) = product_answers(snapshot, [product], settings.currency)
            yield data_element({"product": shown, "html": html_of(product.description)}, name="product")
        elif place == _CATALOG and snapshot is not None:
            first = product_answers(snapshot, snapshot.products.values(), settings.currency)[:_MOST_FIRST]
            count = len(snapshot.products)
            yield data_element({"currency": settings.currency, "products": first, "count": count}, name="catalog")
        elif place == _UNREAD:
            yield data_element(True, name="unread")

    def _browser_colors(self) -> Iterator[str]:
        """Yield the colours of the browser's own bars: those of the paper."""
        for scheme, colors, usual in (("light", self._shop.light, _PAPER), ("dark", self._shop.dark, _DARK_PAPER)):
            paper = colors.get("paper", usual)
            yield f'<meta name="theme-color" media="(prefers-color-scheme: {scheme})" content="{paper}">'

    def _fallback(self, language: str, snapshot: CatalogSnapshot | None) -> str:
        texts = self._shop.texts_in(language)
        unavailable = escape(texts["catalog"]["unavailable"])
        items = []
        for product in list(snapshot.products.values() if snapshot else ())[:_MOST_LISTED]:
            state = "" if snapshot and snapshot.is_available(product) else f" ({unavailable})"
            link = f'<a href="{product_path(product.sku)}">{escape(product.name)}</a>'
            items.append(f"<li>{link}: {escape(self._price(language, product))}{state}</li>")
        labels = texts["shop"]["links"]
        links = " · ".join(
            f'<a href="{escape(url)}">{escape(labels[name])}</a>' for name, url in self._shop.links.items()
        )
        unusable, advice = escape(texts["noscript"]["unusable"]), escape(texts["noscript"]["advice"])
        return (
            f'<div class="fallback"><p>{unusable}</p><ul>{"".join(items)}</ul><p>{advice}</p>'
            f"{f'<p>{links}</p>' if links else ''}</div>"
        )

    def _order_fallback(self, language: str) -> str:
        texts = self._shop.texts_in(language)
        text, back = escape(texts["noscript"]["order"]), escape(texts["shop"]["back"])
        return f'<div class="fallback"><p>{text}</p><p><a href="/">{back}</a></p></div>'

    def _product_fallback(self, language: str, product: Product, *, available: bool) -> str:
        texts = self._shop.texts_in(language)
        state = "" if available else f" ({escape(texts['catalog']['unavailable'])})"
        picture = "".join(f'<img src="{escape(url)}" alt="" width="400">' for url in product.pictures)
        return (
            f'<div class="fallback"><h1>{escape(product.name)}</h1>'
            f"<p>{escape(self._price(language, product))}{state}</p>{picture}{html_of(product.description)}"
            f"<p>{escape(texts['noscript']['advice'])}</p></div>"
        )

    def _price(self, language: str, product: Product) -> str:
        return format_money(product.unit_amount, product.currency, _locale(language, self._settings.locale))

    def _picture(self) -> str:
        return f'<img src="{self._logo}" alt="{escape(self._settings.shop_name)}">' if self._logo else ""

    def _add(self, name: str, suffix: str, content: bytes) -> str | None:
        """Keep a file under a name that changes with its content, and return its path; None for an empty one."""
        if not content:
            return None
        path = f"/assets/{name}-{sha256(content).hexdigest()[:8]}{suffix}"
        self.files[path] = content
        return path

    def _manifest(self) -> bytes:
        colors = complete(self._shop.light, dark=False)
        paper, accent = colors.get("paper", _PAPER), colors.get("accent", _ACCENT)
        return manifest(self._settings.shop_name, self._own_language(), paper, accent, self._logo)

    def _translation(self, language: str) -> StorefrontTexts:
        """Keep the storefront's texts in a language as a file, which scripts load when a reader switches to it."""
        texts = self._shop.texts_in(language)
        url = self._add(f"texts-{language}", ".json", msgspec.json.encode(texts)) or ""
        return StorefrontTexts(name=texts["language"]["name"], direction=texts["language"]["direction"], url=url)

    def _answer(self) -> ShopAnswer:
        shop, settings = self._shop, self._settings
        words = {language: _words(shop.words_in(language)) for language in shop.languages}
        return ShopAnswer(
            name=settings.shop_name,
            currency=settings.currency,
            locale=settings.locale,
            languages=list(shop.languages),
            texts=words,
            links=msgspec.convert([{"name": name, "url": url} for name, url in shop.links.items()], list[ShopLink]),
            logo_url=self._logo,
            translations=self._translations,
            shipping=None if shop.shipping is None else _shipping(shop.shipping),
            tax_labels={} if shop.tax is None else {tag: shop.tax.label.text(tag) for tag in shop.languages},
            phone=shop.phone.asked,
            country=shop.phone.country,
            seller=list(shop.seller),
        )


SHOP = web.AppKey("shop", ShopPages)


async def get_shop(request: web.Request) -> web.Response:
    """Return the shop's name, words and links."""
    return json_response(request.app[SHOP].answer)


def _shipping(shipping: Shipping) -> ShopShipping:
    return ShopShipping(list(shipping.countries), "stripe" if shipping.at_stripe else "form")


def _words(words: Words) -> ShopWords:
    return msgspec.convert(words, ShopWords, from_attributes=True)


def _locale(language: str, locale: str) -> str:
    """Return the locale for prices: the page's language, with the shop's country if that is the shop's language.

    A shop may have texts in a language that CLDR lacks: then the shop's locale.
    """
    return known_locale(locale if locale.partition("-")[0] == language else language, locale)


def _page_file(bodies: Mapping[str, bytes]) -> File:
    file = file_of("/index.html", {f"/index.html{suffix}": body for suffix, body in bodies.items()})
    return File(file.encoded, file.etag, file.content_type, file.cache_control, vary="Accept-Encoding, Accept-Language")


def _theme(light: Mapping[str, str], dark: Mapping[str, str]) -> bytes:
    """Return the style sheet with the shop's colours, empty if it has the storefront's."""
    light, dark = complete(light, dark=False), complete({**for_dark(light), **dark}, dark=True)
    if not light and not dark:
        return b""
    # Each in a query of its own: a light paper must not stand under the dark colours that the shop leaves as they are.
    blocks = (("print, (prefers-color-scheme: light)", light), ("screen and (prefers-color-scheme: dark)", dark))
    return "".join(f"@media {query} {{\n{_rule(colors)}}}\n" for query, colors in blocks if colors).encode()


def _rule(colors: Mapping[str, str]) -> str:
    lines = "".join(f"  --{name.replace('_', '-')}: {color};\n" for name, color in colors.items())
    return f":root:root {{\n{lines}}}\n"  # wins over the build's style sheet, whichever comes later
