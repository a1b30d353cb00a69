"""What `checkout doctor` examines: a shop, and its account at the offline Stripe."""

from __future__ import annotations

import aiohttp

from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.operations.doctor import Check, examine
from checkout_daemon.settings import Settings

PUBLIC_URL = "https://shop.example"


class Account:
    """Our account at the offline Stripe."""

    def __init__(self, http: aiohttp.ClientSession, base: str) -> None:
        self.http, self.base = http, base

    async def post(self, path: str, *form: tuple[str, str]) -> str:
        """Return the id of the created or changed object."""
        async with self.http.post(f"{self.base}{path}", data=list(form)) as answer:
            body = await answer.json()
            assert answer.status == 200, body
            return str(body["id"])

    async def register(self, *types: str) -> str:
        form = [("url", f"{PUBLIC_URL}/api/webhook"), *(("enabled_events[]", name) for name in types or EVENT_TYPES)]
        return await self.post("/v1/webhook_endpoints", *form)


async def results(settings: Settings) -> dict[str, Check]:
    return {check.check: check async for check in examine(settings)}
