"""Serve the built storefront from memory by exact path, so that no path can lead outside it.

The build (frontend/tools/compress.ts) puts the compressed forms of every file next to it.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from aiohttp import web

from checkout_daemon.catalog.cart import SKU
from checkout_daemon.web.failures import NoSuchPage
from checkout_daemon.web.fields import SUFFIXES, wants_html
from checkout_daemon.web.files import File, file_of, respond
from checkout_daemon.web.shop_pages import PAGES, ShopPages
from checkout_daemon.web.site_files import PRODUCT, SITEMAP

INDEX = "/index.html"
_PRODUCT = re.compile(re.escape(PRODUCT) + SKU.pattern)
_NOT_BUILT = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Storefront not built</title></head>
<body>
<h1>The storefront has not been built</h1>
<p>The daemon is running, but this installation has no storefront pages. Run <code>make run</code> in the project's
folder, or <code>npm run build</code> in its <code>frontend</code> folder, and start the daemon again.</p>
<p>The API works: see <a href="/openapi.json">/openapi.json</a>.</p>
</body>
</html>
"""


class Storefront:
    """Answers GET and HEAD for every path outside the API."""

    def __init__(self, directory: Path, pages: ShopPages | None = None) -> None:
        """Read all files below the directory, which need not exist. `pages` writes the shop into the page."""
        bodies = {
            f"/{path.relative_to(directory).as_posix()}": path.read_bytes()
            for path in directory.rglob("*")
            if path.is_file()
        }
        self._pages = pages if pages is not None and INDEX in bodies else None
        if self._pages is not None:
            self._pages.take(bodies[INDEX])
            bodies |= self._pages.files
        # Compressed forms are not pages.
        self._files = {name: file_of(name, bodies) for name in bodies if PurePosixPath(name).suffix not in SUFFIXES}

    def has(self, request: web.Request) -> bool:
        """Return whether the path has a page or a file."""
        return self._name(request) is not None

    async def answer(self, request: web.Request) -> web.Response:
        """Return the page or file of the path, or for a browser the not-found page with 404.

        Raise NoSuchPage for programs, and for files that a page loads; DatabaseUnavailable for the sitemap, as long as
        the catalog could not be read.
        """
        name = self._name(request)
        if name is None:
            if INDEX not in self._files or not wants_html(request):
                raise NoSuchPage("there is nothing at this path")
            return respond(request, (await self._page(request))[0], status=404)
        if name == SITEMAP and self._pages is not None:
            return respond(request, await self._pages.sitemap())
        if name not in self._files:
            return web.Response(body=_NOT_BUILT, status=503, content_type="text/html", charset="utf-8")
        if name == INDEX:
            page, status = await self._page(request)
            return respond(request, page, status=status)
        return respond(request, self._files[name])

    async def _page(self, request: web.Request) -> tuple[File, int]:
        return (self._files[INDEX], 200) if self._pages is None else await self._pages.page(request)

    def _name(self, request: web.Request) -> str | None:
        # The page's script reads the path as it was sent, so only the exact spelling is its page.
        path = request.rel_url.raw_path
        if path in PAGES or (self._pages is not None and _PRODUCT.fullmatch(path)):
            return INDEX
        if path == SITEMAP and self._pages is not None:
            return SITEMAP
        return request.path if request.path in self._files else None


def built_storefront() -> Path:
    """Return the directory inside the package where the build puts the pages."""
    return Path(__file__).with_name("storefront")
