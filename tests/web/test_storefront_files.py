"""The storefront's pages: which file, how long it may be kept, how it travels."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.web.conftest import Client, OpenClient
from tests.web.wire import send_raw

SCRIPT = b"console.log('shop');" * 100
PAGE = b"<!doctype html><title>Shop</title>" + b"<p>hello</p>" * 50
PICTURE = b"<svg/>"


@pytest.fixture
async def pages(open_client: OpenClient, tmp_path: Path) -> Client:
    root = tmp_path / "built"
    (root / "assets").mkdir(parents=True)
    (root / "products").mkdir()
    (root / "index.html").write_bytes(PAGE)
    (root / "assets" / "index-Ab3_-x9Z.js").write_bytes(SCRIPT)
    (root / "products" / "NOTE.svg").write_bytes(PICTURE)
    (tmp_path / "secret.txt").write_text("not yours")
    return await open_client(storefront=root)


@pytest.mark.parametrize("path", ["/", "/index.html", "/success", "/success?session_id=cs_1", "/any/deep/page"])
async def test_a_path_that_names_no_file_is_the_page(pages: Client, path: str) -> None:
    async with pages.get(path) as answer:
        assert answer.status == 200
        assert await answer.read() == PAGE
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("path", ["/missing.js", "/assets/index-00000000.js", "/favicon.ico", "/.env"])
async def test_a_file_that_is_not_there_is_not_found(pages: Client, path: str) -> None:
    async with pages.get(path) as answer:
        assert answer.status == 404


async def test_hashed_assets_may_be_kept_for_ever(pages: Client) -> None:
    async with pages.get("/assets/index-Ab3_-x9Z.js") as answer:
        assert await answer.read() == SCRIPT
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"


async def test_other_files_may_be_kept_for_a_while(pages: Client) -> None:
    async with pages.get("/products/NOTE.svg") as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=43200"
        assert answer.headers["Content-Type"] == "image/svg+xml"


async def test_text_travels_compressed_to_who_takes_it(pages: Client) -> None:
    path = "/assets/index-Ab3_-x9Z.js"
    async with pages.get(path, headers={"Accept-Encoding": "br, gzip;q=0.8"}) as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        assert int(answer.headers["Content-Length"]) == len(gzip.compress(SCRIPT, 9, mtime=0))
        assert await answer.read() == SCRIPT
        assert answer.headers["Vary"] == "Accept-Encoding"
        compressed = answer.headers["ETag"]
    for accepted in ("identity", "gzip;q=0", "br"):
        async with pages.get(path, headers={"Accept-Encoding": accepted}) as answer:
            assert "Content-Encoding" not in answer.headers
            assert answer.headers["ETag"] != compressed


async def test_what_gets_no_smaller_is_not_compressed(pages: Client) -> None:
    async with pages.get("/products/NOTE.svg", headers={"Accept-Encoding": "gzip"}) as answer:
        assert "Content-Encoding" not in answer.headers


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
async def test_what_the_browser_has_already_is_not_sent_again(pages: Client, accepted: str) -> None:
    headers = {"Accept-Encoding": accepted}
    async with pages.get("/", headers=headers) as answer:
        etag = answer.headers["ETag"]
    for known in (etag, f'"other", W/{etag}', "*"):
        async with pages.get("/", headers=headers | {"If-None-Match": known}) as answer:
            assert answer.status == 304
            assert answer.headers["ETag"] == etag
            assert await answer.read() == b""
    async with pages.get("/", headers=headers | {"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


async def test_head_has_the_headers_without_the_page(pages: Client) -> None:
    async with pages.head("/", headers={"Accept-Encoding": "identity"}) as answer:
        assert answer.status == 200
        assert int(answer.headers["Content-Length"]) == len(PAGE)
        assert await answer.read() == b""


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/assets/..%5c..%5csecret.txt",
        "//etc/passwd",
        "/assets/%00.js",
        "/....//secret.txt",
    ],
)
async def test_no_path_leads_out_of_the_storefront(pages: Client, path: str) -> None:
    answer = await send_raw(pages, f"GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())
    status = int(answer.split()[1])
    assert status in (200, 400, 404)
    if status == 200:
        assert f"Content-Length: {len(PAGE)}".encode() in answer


async def test_an_installation_without_pages_says_so(client: Client) -> None:
    async with client.get("/") as answer:
        assert answer.status == 503
        assert answer.content_type == "text/html"
        assert "has not been built" in await answer.text()
