"""The storefront's files: routing, caching and compression."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from yarl import URL

from tests.web.conftest import Client, OpenClient
from tests.web.wire import connection_to, send_raw

SCRIPT = b"console.log('shop');" * 100
PAGE = b"<!doctype html><title>A page</title>" + b"<p>hello</p>" * 50
PICTURE = b"<svg/>"
SCRIPT_PATH = "/assets/index-Ab3_-x9Z.js"
GZIPPED = gzip.compress(SCRIPT, mtime=0)
BROTLI = b"what brotli made of it"  # the daemon does not look into it


@pytest.fixture
async def pages(open_client: OpenClient, tmp_path: Path) -> Client:
    root = tmp_path / "built"
    (root / "assets").mkdir(parents=True)
    (root / "products").mkdir()
    (root / "index.html").write_bytes(PAGE)
    (root / "assets" / "index-Ab3_-x9Z.js").write_bytes(SCRIPT)
    (root / "assets" / "index-Ab3_-x9Z.js.gz").write_bytes(GZIPPED)
    (root / "assets" / "index-Ab3_-x9Z.js.br").write_bytes(BROTLI)
    (root / "products" / "NOTE.svg").write_bytes(PICTURE)
    (tmp_path / "secret.txt").write_text("not yours")
    return await open_client(storefront=root)


async def fetch(pages: Client, accepted: str) -> tuple[dict[str, str], bytes]:
    """Return the script's headers and its bytes as sent: the other tests' client would decompress them."""
    lines = (f"GET {SCRIPT_PATH} HTTP/1.1", "Host: shop", "Connection: close", f"Accept-Encoding: {accepted}", "", "")
    async with connection_to(pages) as (reader, writer):
        writer.write("\r\n".join(lines).encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    return dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:]), body


BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
PAGE_PATHS = ["/", "/index.html", "/success", "/success?session_id=cs_1", "/cancel/", "/cancel?order_id=1"]
NOTHING = [
    *("/any/deep/page", "/nothing", "/success/x", "/success//", "/Success", "/success;a", "/success%00", "/%2e%2e"),
    *("/success%5C", "/%73uccess", "/cancel%2F", "/.env", "/missing.js", "/wp-login.php", "/healthz/", "/index.html/"),
]


@pytest.mark.parametrize("path", PAGE_PATHS)
async def test_the_shops_pages_are_the_page(pages: Client, path: str) -> None:
    async with pages.get(path) as answer:
        assert answer.status == 200
        assert await answer.read() == PAGE
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", NOTHING)
async def test_what_no_page_has_is_not_found(pages: Client, path: str, method: str) -> None:
    for headers, body in ((BROWSER, PAGE), ({"Accept": "*/*"}, None), ({"Accept": "text/html;q=0"}, None)):
        async with pages.request(method, URL(path, encoded=True), headers=headers) as answer:
            assert answer.status == 404
            assert answer.headers["Cache-Control"] == "no-store"
            assert "ETag" not in answer.headers
            assert answer.content_type == ("application/problem+json" if body is None else "text/html")
            if method == "GET":
                assert (await answer.read() == body) == (body is not None)


@pytest.mark.parametrize(
    "path", ["//", "//success", "/\\success", "/./success", "/../success", "/success/.", "/?/success"]
)
async def test_odd_paths_are_no_pages(pages: Client, path: str) -> None:
    answer = await send_raw(pages, f"GET {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n".encode())
    assert int(answer.split()[1]) == (200 if path.startswith("/?") else 404)


async def test_a_path_of_the_api_is_a_problem_for_browsers_too(pages: Client) -> None:
    async with pages.get("/api/nothing", headers=BROWSER) as answer:
        assert (answer.status, answer.content_type) == (404, "application/problem+json")


@pytest.mark.parametrize(
    "path", ["/missing.js", "/assets/index-00000000.js", "/favicon.ico", "/.env", "/assets/index-Ab3_-x9Z.js.br"]
)
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


@pytest.mark.parametrize(
    ("accepted", "encoding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", BROTLI),
        ("gzip", "gzip", GZIPPED),
        ("br;q=0.5, gzip;q=0.8", "gzip", GZIPPED),
        ("identity;q=0.5, br;q=0.1", None, SCRIPT),
        ("identity", None, SCRIPT),
    ],
)
async def test_a_file_is_sent_in_the_coding_that_the_client_prefers(
    pages: Client, accepted: str, encoding: str | None, body: bytes
) -> None:
    headers, sent = await fetch(pages, accepted)
    assert (headers.get("Content-Encoding"), sent) == (encoding, body)
    assert headers["Content-Length"] == str(len(body))
    assert headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert headers["Vary"] == "Accept-Encoding"


async def test_each_form_of_a_file_has_a_tag_of_its_own(pages: Client) -> None:
    tags = {(await fetch(pages, accepted))[0]["ETag"] for accepted in ("br", "gzip", "identity")}
    assert len(tags) == 3


async def test_what_has_no_compressed_form_travels_as_it_is(pages: Client) -> None:
    async with pages.get("/products/NOTE.svg", headers={"Accept-Encoding": "br, gzip"}) as answer:
        assert "Content-Encoding" not in answer.headers
        assert await answer.read() == PICTURE


@pytest.mark.parametrize("accepted", ["gzip", "identity"])
async def test_what_the_browser_has_already_is_not_sent_again(pages: Client, accepted: str) -> None:
    headers = {"Accept-Encoding": accepted}
    async with pages.get("/", headers=headers) as answer:
        etag = answer.headers["ETag"]
    for known in (etag, f'"other", W/{etag}', "*", f'"a,b",{etag}', f' {etag} , "z"'):
        async with pages.get("/", headers=headers | {"If-None-Match": known}) as answer:
            assert answer.status == 304
            assert answer.headers["ETag"] == etag
            assert await answer.read() == b""
    async with pages.get("/", headers=headers | {"If-None-Match": '"other"'}) as answer:
        assert answer.status == 200


async def test_tags_may_come_in_several_lines(pages: Client) -> None:
    async with pages.get("/", headers={"Accept-Encoding": "identity"}) as answer:
        etag = answer.headers["ETag"]
    lines = ("GET / HTTP/1.1", "Host: shop", 'If-None-Match: "other"', f"If-None-Match: {etag}", "", "")
    assert (await send_raw(pages, "\r\n".join(lines).encode())).startswith(b"HTTP/1.1 304 ")


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


async def test_an_installation_without_pages_explains_what_to_do(client: Client) -> None:
    async with client.get("/") as answer:
        assert answer.status == 503
        assert answer.content_type == "text/html"
        assert "has not been built" in await answer.text()
