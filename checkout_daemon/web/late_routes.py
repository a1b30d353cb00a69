"""Routes whose module is imported once somebody needs them, so that the daemon is ready sooner."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NoReturn

from aiohttp import web

from checkout_daemon.web.route import add_all


class LateRoutes(web.AbstractResource):
    """The routes at and below a path, from the `ROUTES` of a module that is imported for the first of their requests.

    Import the module once the daemon is ready, and no request waits for it.
    """

    def __init__(self, path: str, module: str) -> None:
        super().__init__()
        self._path = path
        self._module = module
        self._router: web.UrlDispatcher | None = None

    @property
    def canonical(self) -> str:
        """The path, by which the application's router finds this."""
        return self._path

    async def resolve(self, request: web.Request) -> tuple[Any, set[str]]:
        """Return the match of a request with one of the routes, and the methods that its path has."""
        if self._router is None:
            self._router = await asyncio.to_thread(self._load)
        methods: set[str] = set()
        for resource in self._router.resources():
            match, allowed = await resource.resolve(request)
            if match is not None:
                return match, allowed
            methods |= allowed
        return None, methods

    def _load(self) -> web.UrlDispatcher:
        router = web.UrlDispatcher()
        add_all((route for route in import_module(self._module).ROUTES if self.raw_match(route.path)), router)
        return router

    def raw_match(self, path: str) -> bool:
        """Return whether a path is at or below this one."""
        return path == self._path or path.startswith(f"{self._path}/")

    def __iter__(self) -> Iterator[web.AbstractRoute]:
        """Iterate over the routes, as over those of aiohttp's own resources."""
        if self._router is None:
            self._router = self._load()
        return iter(self._router.routes())

    def __len__(self) -> int:
        """Return how many routes there are."""
        return sum(1 for _ in self)

    def get_info(self) -> Any:
        """Return the path, as aiohttp's own resources do."""
        return {"path": self._path}

    def url_for(self, **kwargs: str) -> NoReturn:
        """Raise: the address of one of the routes is its own resource's."""
        raise NotImplementedError

    def add_prefix(self, prefix: str) -> NoReturn:
        """Raise: this is no part of another application."""
        raise NotImplementedError
