"""Send events to webhook endpoints, signed as Stripe signs them, and again until they are taken."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import time
from dataclasses import dataclass, field

import aiohttp

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now

_TIMEOUT = aiohttp.ClientTimeout(total=20, connect=5)
_AT_ONCE = 32
_LIVE_SECONDS = 3 * 24 * 3600.0
_TEST_ATTEMPTS = 4  # the first and three more
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 4 * 3600.0
_GROWTH = 2.0


@dataclass(frozen=True, slots=True)
class _Due:
    id: int
    event: str
    endpoint: str
    created: float
    attempts: int


@dataclass(slots=True)
class Deliverer:
    """Sends many at once, so that the order in which they arrive is not guaranteed."""

    box: Box
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    session: aiohttp.ClientSession | None = None

    def recover(self) -> None:
        """Send again what was under way when the sandbox stopped."""
        self.box.storage.connection.execute(
            "UPDATE deliveries SET next_at = ? WHERE state = 'pending' AND next_at IS NULL", (now(),)
        )

    def start_due(self) -> None:
        """Begin what is due, as far as there is room."""
        room = _AT_ONCE - len(self.tasks)
        if room <= 0:
            return
        rows = self.box.storage.connection.execute(
            "SELECT id, event, endpoint, created, attempts FROM deliveries WHERE next_at <= ? "
            "ORDER BY next_at, id LIMIT ?",
            (now(), room),
        ).fetchall()
        for row in rows:
            due = _Due(*row)
            self.box.storage.connection.execute("UPDATE deliveries SET next_at = NULL WHERE id = ?", (due.id,))
            task = asyncio.create_task(self._deliver(due))
            self.tasks.add(task)
            task.add_done_callback(self._ended)

    @property
    def full(self) -> bool:
        return len(self.tasks) >= _AT_ONCE

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.session is not None:
            await self.session.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        self.box.wake.set()

    async def _deliver(self, due: _Due) -> None:
        storage = self.box.storage
        event, endpoint = storage.find(due.event, "event"), storage.find(due.endpoint, "webhook_endpoint")
        if event is None or endpoint is None or endpoint.body["status"] != "enabled":
            self._set_state(due, "dropped", None)
            return
        payload = json.dumps(event.body, indent=2).encode()
        started, clock = now(), time.perf_counter()
        status, error = await self._post(endpoint.body["url"], payload, endpoint.private["secret"])
        storage.connection.execute(
            "INSERT INTO attempts (delivery, at, seconds, status, error) VALUES (?, ?, ?, ?, ?)",
            (due.id, started, time.perf_counter() - clock, status, error),
        )
        storage.connection.execute("UPDATE deliveries SET attempts = attempts + 1 WHERE id = ?", (due.id,))
        if status is not None and 200 <= status < 300:
            self._set_state(due, "delivered", None)
            with storage.transaction():
                if current := storage.find(due.event, "event"):
                    current.body["pending_webhooks"] = max(0, current.body["pending_webhooks"] - 1)
                    storage.save(current)
        else:
            wait = self._wait(due)
            self._set_state(due, "failed" if wait is None else "pending", None if wait is None else now() + wait)

    async def _post(self, url: str, payload: bytes, secret: str) -> tuple[int | None, str | None]:
        if self.session is None:
            connector = aiohttp.TCPConnector(limit=_AT_ONCE)
            self.session = aiohttp.ClientSession(timeout=_TIMEOUT, connector=connector)
        headers = {
            "Accept": "*/*; q=0.5, application/xml",
            "Cache-Control": "no-cache",
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature(payload, secret),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        try:
            async with self.session.post(url, data=payload, headers=headers, allow_redirects=False) as response:
                return response.status, None
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return None, f"{type(error).__name__}: {error}"[:500]

    def _wait(self, due: _Due) -> float | None:
        """How long until the next attempt; None for no more."""
        if self.box.settings.retries == "test":
            if due.attempts + 1 >= _TEST_ATTEMPTS:
                return None
        elif now() - due.created >= _LIVE_SECONDS:
            return None
        longest = min(_FIRST_WAIT * _GROWTH ** min(due.attempts, 20), _LONGEST_WAIT)
        return longest * random.uniform(0.75, 1.0)  # noqa: S311 - spreads retries, guards nothing

    def _set_state(self, due: _Due, state: str, next_at: float | None) -> None:
        self.box.storage.connection.execute(
            "UPDATE deliveries SET state = ?, next_at = ? WHERE id = ? AND state = 'pending'",
            (state, next_at, due.id),
        )


def signature(payload: bytes, secret: str) -> str:
    """The `Stripe-Signature` header for a payload sent now."""
    moment = int(now())
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"
