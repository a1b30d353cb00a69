"""The page with the shop in it, and GET /api/shop."""

from __future__ import annotations

import asyncio
import gzip
import html
import json
import re
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import asyncpg
import pytest
from yarl import URL

from checkout_daemon.catalog.memory import CatalogSnapshot
from checkout_daemon.web.files import File
from checkout_daemon.web.shop_pages import SHOP, ShopPages
from tests.web.conftest import Client, OpenClient

INDEX = (Path(__file__).parents[2] / "frontend/index.html").read_text()
SHOP_FILE = """
name = "Bits </script> & Bytes"
tagline = "tools"
description = 'Tools with "quotes"'
heading = "Good tools"
logo = "logo.png"
languages = ["en", "de", "pl"]
translations = "translations"
tax_note = "Prices include VAT."
after_payment = ["The download starts at once."]
[links]
imprint = "/imprint.html"
[colors]
accent = "#3a1d8f"
[texts.de]
heading = "Gute Werkzeuge"
description = "Werkzeuge"
"""


POLISH: dict[str, Any] = {
    "language": {"name": "Polski"},
    "cart": {"count": {"one": "{count} rzecz", "few": "{count} rzeczy", "many": "{count} rzeczy", "other": "…"}},
    "noscript": {"unusable": "Ten sklep wymaga <JavaScriptu>."},
}


@pytest.fixture
async def pages(open_client: OpenClient, database_url: str, connection: asyncpg.Connection, tmp_path: Path) -> Client:
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "index.html").write_text(INDEX)
    (tmp_path / "shop.toml").write_text(SHOP_FILE)
    (tmp_path / "translations").mkdir()
    (tmp_path / "translations" / "pl.json").write_text(json.dumps(POLISH))
    (tmp_path / "logo.png").write_bytes(b"a picture")
    await connection.execute("UPDATE products SET name = 'Ink <b>' WHERE sku = (SELECT min(sku) FROM products)")
    return await open_client(
        storefront=tmp_path / "built",
        DATABASE_URL=database_url,
        CHECKOUT_SHOP_FILE=str(tmp_path / "shop.toml"),
        CHECKOUT_PUBLIC_URL="https://bits.example",
    )


async def text_of(client: Client, path: str = "/", **headers: str) -> str:
    async with client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()}) as answer:
        assert answer.status == 200, answer.status
        return await answer.text()


def data_of(page: str, name: str = "shop") -> dict[str, Any]:
    found = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page, re.DOTALL)
    assert found
    data: dict[str, Any] = json.loads(found[1])
    return data


async def known(client: Client) -> None:
    """Let the daemon know the catalog as it is now."""
    memory = client.app[SHOP]._catalog
    assert memory is not None
    memory.lapse()  # as a notification of the change does
    await memory.read()


async def test_the_head_names_the_shop(pages: Client) -> None:
    page = await text_of(pages)
    assert '<html lang="en">' in page
    assert "<title>Bits &lt;/script&gt; &amp; Bytes – tools</title>" in page
    assert '<meta name="description" content="Tools with &quot;quotes&quot;">' in page
    assert '<meta property="og:url" content="https://bits.example/">' in page
    assert re.search(r'og:image" content="https://bits.example/assets/logo-[0-9a-f]{8}\.png"', page)
    assert "<!-- head -->" not in page
    assert page.count("<script") == 4  # the shop, its texts, its products, and the build's


async def test_the_page_has_the_language_of_the_browser(pages: Client) -> None:
    page = await text_of(pages, Accept_Language="de-AT,en;q=0.5")
    assert '<html lang="de">' in page
    assert '<meta name="description" content="Werkzeuge">' in page
    assert '<html lang="de">' in await text_of(pages, Accept_Language="fr,de;q=0.8")
    async with pages.get("/", headers={"Accept-Language": "fr"}) as answer:
        assert '<html lang="en">' in await answer.text()
        assert answer.headers["Vary"] == "Accept-Encoding, Accept-Language"


async def test_a_language_is_a_file_in_the_shops_folder(pages: Client) -> None:
    page = await text_of(pages, Accept_Language="pl-PL,de;q=0.5")
    texts = data_of(page, "texts")
    assert '<html lang="pl">' in page
    assert "Ten sklep wymaga &lt;JavaScriptu&gt;." in page
    assert texts["cart"]["count"] == POLISH["cart"]["count"]
    assert texts["cart"]["open"] == "Open cart"  # what the file lacks is English
    translation = data_of(page)["translations"]["pl"]
    assert translation["name"] == "Polski"
    async with pages.get(translation["url"]) as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert await answer.json() == texts


async def test_every_language_has_texts_that_scripts_can_load(pages: Client) -> None:
    page = await text_of(pages, Accept_Language="de")
    assert data_of(page, "texts")["cart"]["open"] == "Warenkorb öffnen"
    for language, opened in (("en", "Open cart"), ("de", "Warenkorb öffnen")):
        async with pages.get(data_of(page)["translations"][language]["url"]) as answer:
            assert (await answer.json())["cart"]["open"] == opened


async def test_without_script_the_page_names_products_prices_and_links(
    pages: Client, connection: asyncpg.Connection
) -> None:
    page = await text_of(pages)
    names = [record["name"] for record in await connection.fetch("SELECT name FROM products")]
    assert names
    for name in names:
        assert f">{html.escape(name)}</a>: €" in page
    assert '<a href="/imprint.html">' in page
    assert "needs JavaScript" in page
    assert "braucht JavaScript" in await text_of(pages, Accept_Language="de")


async def test_the_list_follows_the_catalog_and_the_tag_with_it(pages: Client, connection: asyncpg.Connection) -> None:
    async with pages.get("/") as answer:
        tag = answer.headers["ETag"]
    async with pages.get("/", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
    await connection.execute("UPDATE products SET name = 'Quite new'")
    for _ in range(400):
        async with pages.get("/", headers={"If-None-Match": tag}) as answer:
            if answer.status == 200:
                assert "Quite new" in await answer.text()
                break
    else:
        pytest.fail("the page never changed")


async def test_the_api_and_the_page_state_the_same(pages: Client) -> None:
    shop = json.loads(await text_of(pages, "/api/shop"))
    assert shop == data_of(await text_of(pages))
    assert shop["name"] == "Bits </script> & Bytes"
    assert shop["links"] == [{"name": "imprint", "url": "/imprint.html"}]
    assert shop["texts"]["de"] == {"heading": "Gute Werkzeuge", "description": "Werkzeuge"}
    assert shop["texts"]["en"]["after_payment"] == ["The download starts at once."]


async def test_colours_and_logo_are_files_that_may_be_kept_for_ever(pages: Client) -> None:
    page = await text_of(pages)
    shop = data_of(page)
    (theme,) = re.findall(r'<link rel="stylesheet" href="(/assets/shop-[0-9a-f]{8}\.css)">', page)
    async with pages.get(theme) as answer:
        light, dark = (await answer.text()).split("@media screen and (prefers-color-scheme: dark)")
    assert light.startswith("@media print, (prefers-color-scheme: light) {")
    assert "--accent: #3a1d8f;" not in dark
    for path, expected in ((theme, "--accent: #3a1d8f;"), (str(shop["logo_url"]), "a picture")):
        async with pages.get(path) as answer:
            assert expected in await answer.text()
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


async def test_an_unknown_address_has_the_page_too(pages: Client) -> None:
    async with pages.get("/nothing", headers={"Accept": "text/html"}) as answer:
        assert answer.status == 404
        assert "Good tools" in await answer.text()


async def test_without_a_database_the_page_is_there_without_products(open_client: OpenClient, tmp_path: Path) -> None:
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "index.html").write_text(INDEX)
    page = await text_of(await open_client(storefront=tmp_path / "built"))
    assert "<title>Checkout</title>" in page
    assert "<ul></ul>" in page


async def test_whether_there_is_a_product_is_not_known_before_the_catalog_was_read(
    open_client: OpenClient, tmp_path: Path
) -> None:
    (tmp_path / "built").mkdir()
    (tmp_path / "built" / "index.html").write_text(INDEX)
    client = await open_client(storefront=tmp_path / "built")
    async with client.get("/p/TEA-1") as answer:
        assert (answer.status, answer.headers["Retry-After"], answer.headers["Cache-Control"]) == (503, "5", "no-store")
        assert '<script type="application/json" id="unread">true</script>' in await answer.text()
    async with client.get("/sitemap.xml") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    async with client.get("/p/no%20sku", headers={"Accept": "text/html"}) as answer:
        assert answer.status == 404
        assert 'id="unread"' not in await answer.text()


async def test_a_language_from_right_to_left_is_so_before_any_script_runs(
    open_client: OpenClient, tmp_path: Path
) -> None:
    for folder in ("built", "translations"):
        (tmp_path / folder).mkdir()
    (tmp_path / "built" / "index.html").write_text(INDEX)
    (tmp_path / "shop.toml").write_text('languages = ["en", "he"]\ntranslations = "translations"\n')
    (tmp_path / "translations" / "he.json").write_text('{"language": {"name": "Ivrit", "direction": "rtl"}}')
    client = await open_client(storefront=tmp_path / "built", CHECKOUT_SHOP_FILE=str(tmp_path / "shop.toml"))
    assert '<html lang="he" dir="rtl">' in await text_of(client, Accept_Language="he")
    assert '<html lang="en">' in await text_of(client)


async def test_a_language_that_cldr_lacks_has_prices_as_the_shops_own(
    open_client: OpenClient, connection: asyncpg.Connection, database_url: str, tmp_path: Path
) -> None:
    await connection.execute(
        "INSERT INTO products (sku, name, unit_amount, currency) VALUES ('TEA-1', 'Tea', 450, 'eur')"
    )
    for folder in ("built", "translations"):
        (tmp_path / folder).mkdir()
    (tmp_path / "built" / "index.html").write_text(INDEX)
    (tmp_path / "shop.toml").write_text('languages = ["en", "sm"]\ntranslations = "translations"\n')
    (tmp_path / "translations" / "sm.json").write_text('{"language": {"name": "Gagana Samoa"}}')
    client = await open_client(
        storefront=tmp_path / "built", DATABASE_URL=database_url, CHECKOUT_SHOP_FILE=str(tmp_path / "shop.toml")
    )
    await known(client)
    page = await text_of(client, Accept_Language="sm")
    assert '<html lang="sm">' in page
    assert "Tea</a>: €4.50" in page


async def test_a_shop_without_a_file_has_a_name_and_no_styles_of_its_own(shop: Client) -> None:
    async with shop.get("/api/shop") as answer:
        found = await answer.json()
        assert {tag: texts["name"] for tag, texts in found.pop("translations").items()} == {
            "en": "English",
            "de": "Deutsch",
        }
        assert found == {
            "name": "Checkout",
            "currency": "eur",
            "locale": "en",
            "languages": ["en", "de"],
            "texts": {"en": {}, "de": {}},
        }


async def test_a_page_that_is_made_while_the_catalog_changes_is_not_kept(
    pages: Client, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = asyncio.Event()
    loop = asyncio.get_running_loop()
    go_on = threading.Event()
    original = ShopPages._make

    def slow(self: ShopPages, language: str, place: str, snapshot: CatalogSnapshot | None) -> File:
        page = original(self, language, place, snapshot)
        if not made.is_set():
            loop.call_soon_threadsafe(made.set)
            go_on.wait(60)
        return page

    monkeypatch.setattr(ShopPages, "_make", slow)
    first = asyncio.create_task(text_of(pages))
    await made.wait()
    await connection.execute("UPDATE products SET name = 'Quite new'")
    memory = pages.app[SHOP]._catalog
    assert memory is not None
    memory.lapse()  # as a notification of the change does
    assert "Quite new" in {product.name for product in (await memory.read()).products.values()}
    await pages.app[SHOP]._refresh()
    go_on.set()
    await first
    assert "Quite new" in await text_of(pages)


DESCRIPTION = "# Facts\n\n*Soft* <script>alert(1)</script> [site](https://tea.example) [no](javascript:alert(1))"


@pytest.fixture
async def tea(pages: Client, connection: asyncpg.Connection) -> str:
    """A product with a description in Markdown. Return the path of its page, once the daemon knows it."""
    await connection.execute(
        "INSERT INTO products (sku, name, description, image_url, unit_amount, currency, available, position)"
        " VALUES ('TEA-1', 'Tea <i>', $1, '/products/tea.svg', 450, 'eur', true, 0)",
        DESCRIPTION,
    )
    await known(pages)
    return "/p/TEA-1"


async def test_a_product_has_a_page_with_its_head(pages: Client, tea: str) -> None:
    page = await text_of(pages, tea)
    assert "<title>Tea &lt;i&gt; – Bits &lt;/script&gt; &amp; Bytes</title>" in page
    assert '<link rel="canonical" href="https://bits.example/p/TEA-1">' in page
    assert '<meta property="og:image" content="https://bits.example/products/tea.svg">' in page
    assert '<meta name="description" content="Facts Soft &lt;script&gt;alert(1)&lt;/script&gt; site' in page
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert found
    offer = json.loads(found[1])
    assert (offer["@type"], offer["name"], offer["offers"]["price"]) == ("Product", "Tea <i>", "4.50")
    assert offer["offers"]["availability"] == "https://schema.org/InStock"
    assert "noindex" not in page


@pytest.mark.parametrize(
    ("description", "shown"),
    [
        ("soft paper " * 30, "soft paper " * 17 + "soft paper…"),
        ("緑茶" * 150, "緑茶" * 99 + "緑…"),
        ("新 " + "緑茶" * 150, "新 " + "緑茶" * 98 + "緑…"),
    ],
)
async def test_a_long_description_is_shortened_for_search_engines(
    pages: Client, connection: asyncpg.Connection, tea: str, description: str, shown: str
) -> None:
    await connection.execute("UPDATE products SET description = $1 WHERE sku = 'TEA-1'", description)
    await known(pages)
    assert f'<meta name="description" content="{shown}">' in await text_of(pages, tea)


async def test_every_page_has_the_browsers_colours_and_an_icon_for_phones(pages: Client, tea: str) -> None:
    for path in ("/", tea, "/success"):
        page = await text_of(pages, path)
        assert '<meta name="theme-color" media="(prefers-color-scheme: light)" content="#faf8f4">' in page
        assert '<meta name="theme-color" media="(prefers-color-scheme: dark)" content="#171614">' in page
        assert re.search(r'<link rel="apple-touch-icon" href="/assets/logo-[0-9a-f]{8}\.png">', page)


async def test_all_pictures_of_a_product_are_told(pages: Client, connection: asyncpg.Connection, tea: str) -> None:
    await connection.execute(
        "UPDATE products SET images = ARRAY[image_url, 'https://pics.example/2.png'] WHERE sku = 'TEA-1'"
    )
    memory = pages.app[SHOP]._catalog
    assert memory is not None
    memory.lapse()
    page = await text_of(pages, tea)
    pictures = ["https://bits.example/products/tea.svg", "https://pics.example/2.png"]
    assert re.findall(r'<meta property="og:image" content="([^"]+)">', page) == pictures
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', page)
    assert found
    assert json.loads(found[1])["image"] == pictures
    assert data_of(page, "product")["product"]["images"] == ["/products/tea.svg", pictures[1]]
    assert page.partition('<div class="fallback">')[2].count("<img ") == 2
    async with pages.get("/sitemap.xml") as answer:
        sitemap = ElementTree.fromstring(await answer.text())
    image = "{http://www.google.com/schemas/sitemap-image/1.1}loc"
    assert set(pictures) <= {found.text for found in sitemap.iter(image)}


async def test_a_products_page_follows_its_stock(pages: Client, connection: asyncpg.Connection, tea: str) -> None:
    memory = pages.app[SHOP]._catalog
    assert memory is not None
    for stock, available, left in [(9, True, None), (2, True, 2), (0, False, 0), (6, True, None)]:
        await connection.execute("UPDATE products SET stock = $1 WHERE sku = 'TEA-1'", stock)
        memory.lapse()  # as a notification of the change does
        page = await text_of(pages, tea)
        product = json.loads(page.partition('id="product">')[2].partition("</script>")[0])["product"]
        assert (product["available"], product.get("left")) == (available, left)
        assert ("https://schema.org/OutOfStock" in page) == (stock == 0)


async def test_a_product_in_another_currency_is_not_in_stock(
    pages: Client, connection: asyncpg.Connection, tea: str
) -> None:
    await connection.execute("UPDATE products SET currency = 'usd' WHERE sku = 'TEA-1'")
    memory = pages.app[SHOP]._catalog
    assert memory is not None
    memory.lapse()
    page = await text_of(pages, tea)
    assert "https://schema.org/OutOfStock" in page
    assert "(Not available)" in page.partition('<div class="fallback">')[2]


async def test_a_description_is_markdown_that_runs_nothing(pages: Client, tea: str) -> None:
    page = await text_of(pages, tea)
    shown = data_of(page, "product")
    assert "<h2>Facts</h2>" in shown["html"]
    assert "<em>Soft</em>" in shown["html"]
    assert '<a href="https://tea.example">site</a>' in shown["html"]
    assert "<script" not in shown["html"]
    assert "javascript:alert(1)" in shown["html"]  # as text
    assert 'href="javascript' not in page
    assert "<script>alert" not in page
    assert shown["product"]["summary"].startswith("Facts\nSoft <script>")


async def test_without_script_a_products_page_has_price_and_description(pages: Client, tea: str) -> None:
    page = await text_of(pages, tea)
    assert "<h1>Tea &lt;i&gt;</h1><p>€4.50</p>" in page
    assert "<em>Soft</em>" in page.partition('<div class="fallback">')[2]


@pytest.mark.parametrize("path", ["/p/NONE", "/p/", "/p/TEA-1/", "/p/TEA%2D1", "/p", "/nothing"])
async def test_what_there_is_no_product_for_is_not_found(pages: Client, tea: str, path: str) -> None:
    assert tea != path
    async with pages.get(URL(path, encoded=True), headers={"Accept": "text/html"}) as answer:
        assert answer.status == 404
        assert '<meta name="robots" content="noindex">' in await answer.text()
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/success", "/cancel?order_id=1"])
async def test_search_engines_leave_the_pages_of_orders_out(pages: Client, path: str) -> None:
    page = await text_of(pages, path)
    assert '<meta name="robots" content="noindex">' in page
    assert 'id="catalog"' not in page


async def test_the_catalogs_page_has_its_first_products(pages: Client, connection: asyncpg.Connection) -> None:
    page = await text_of(pages)
    async with pages.get("/api/products") as answer:
        catalog = await answer.json()
    first = data_of(page, "catalog")
    assert first["products"] == catalog["products"][:48]
    assert first["count"] == await connection.fetchval("SELECT count(*) FROM products")
    assert '<link rel="canonical" href="https://bits.example/">' in page


async def test_robots_sitemap_and_manifest(pages: Client, tea: str) -> None:
    async with pages.get("/robots.txt") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "Sitemap: https://bits.example/sitemap.xml" in await answer.text()
    async with pages.get("/sitemap.xml") as answer:
        assert answer.headers["Content-Type"] == "application/xml"
        assert f"<loc>https://bits.example{tea}</loc>" in await answer.text()
    async with pages.get("/manifest.webmanifest") as answer:
        manifest = await answer.json(content_type="application/manifest+json")
    assert manifest["name"] == "Bits </script> & Bytes"
    assert manifest["theme_color"] == "#3a1d8f"


async def test_the_sitemap_is_made_once_for_each_state_of_the_catalog(
    pages: Client, connection: asyncpg.Connection, tea: str
) -> None:
    shop = pages.app[SHOP]
    made = await shop.sitemap()
    assert await shop.sitemap() is made
    assert gzip.decompress(made.encoded["gzip"]) == made.encoded["identity"]
    assert f"{tea}<".encode() in made.encoded["identity"]
    await connection.execute("DELETE FROM products WHERE sku = 'TEA-1'")
    await known(pages)
    assert f"{tea}<".encode() not in (await shop.sitemap()).encoded["identity"]


@pytest.mark.parametrize("sku", ["order", "lost"])
async def test_other_pages_are_not_those_of_a_product_with_an_odd_name(
    pages: Client, connection: asyncpg.Connection, sku: str
) -> None:
    await connection.execute("UPDATE products SET sku = $1 WHERE sku = 'PEN'", sku)
    await known(pages)
    assert "<title>Pen" in await text_of(pages, f"/p/{sku}")
    for path in ("/success", "/nothing"):
        async with pages.get(path, headers={"Accept": "text/html"}) as answer:
            page = await answer.text()
        assert '<meta name="robots" content="noindex">' in page
        assert "<title>Pen" not in page


@pytest.mark.parametrize("path", ["/success?order_id=1", "/cancel?order_id=1"])
async def test_without_script_an_orders_page_states_what_it_lacks(pages: Client, tea: str, path: str) -> None:
    fallback = (await text_of(pages, path)).partition('<div class="fallback">')[2]
    assert "This page shows your order with JavaScript" in fallback
    assert tea not in fallback
