"""Revalidation of a cached page."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from checkout_daemon.web.storefront_files import Storefront


async def test_a_304_has_the_policy_of_the_page_because_browsers_keep_its_headers(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>")
    storefront = Storefront(tmp_path)
    app = web.Application()

    async def answer(request: web.Request) -> web.Response:
        return await storefront.answer(request)

    app.router.add_get("/", answer)
    async with TestClient(TestServer(app)) as client:
        first = await client.get("/")
        again = await client.get("/", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304
    assert again.headers["Content-Security-Policy"] == first.headers["Content-Security-Policy"]
