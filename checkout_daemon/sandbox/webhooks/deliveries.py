"""Deliver events to webhook endpoints and to the CLI's listeners: start what is due, retry what was refused."""

from __future__ import annotations

import asyncio
import math
import random
import time
from dataclasses import astuple, dataclass, field
from functools import partial

from checkout_daemon.sandbox.box import Box
from checkout_daemon.sandbox.clock import now
from checkout_daemon.sandbox.sockets import SocketLost
from checkout_daemon.sandbox.storage import Stored
from checkout_daemon.sandbox.stripecli import listeners
from checkout_daemon.sandbox.webhooks.endpoints import record_failure, record_success
from checkout_daemon.sandbox.webhooks.sending import AT_ONCE, Due, Sender

_PATIENCE = 2.0  # the CLI reports nothing more about an event that it does not forward
_LIVE_SECONDS = 3 * 24 * 3600.0
_TEST_ATTEMPTS = 4  # the first and three more
_FIRST_WAIT = 1.0
_LONGEST_WAIT = 4 * 3600.0
_GROWTH = 2.0


@dataclass(slots=True)
class Deliverer:
    """Sends many deliveries at once, so the order of arrival is not guaranteed."""

    box: Box
    sender: Sender
    tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    acknowledged: dict[int, float] = field(default_factory=dict)
    """Deliveries that a listener took, and when. They wait for its answer without delaying others."""

    def recover(self) -> None:
        """Resend what was in progress when the sandbox stopped."""
        self.box.storage.connection.execute(
            "UPDATE deliveries SET next_at = ? WHERE state = 'pending' AND next_at IS NULL", (now(),)
        )

    def start_due(self) -> None:
        """Start the deliveries that are due, as many as there is room for."""
        room = AT_ONCE - self._sending
        if room <= 0:
            return
        rows = self.box.storage.connection.execute(
            "SELECT id, event, endpoint, created, attempts FROM deliveries WHERE next_at <= ? "
            "ORDER BY next_at, id LIMIT ?",
            (now(), room),
        ).fetchall()
        for row in rows:
            due = Due(*row)
            self.box.storage.connection.execute("UPDATE deliveries SET next_at = NULL WHERE id = ?", (due.id,))
            if due.id not in self.tasks:
                task = asyncio.create_task(self._deliver(due))
                self.tasks[due.id] = task
                task.add_done_callback(partial(self._ended, due.id))

    @property
    def full(self) -> bool:
        """Return whether no further delivery can start now."""
        return self._sending >= AT_ONCE

    @property
    def _sending(self) -> int:
        return len(self.tasks) - len(self.acknowledged)

    async def settled(self) -> None:
        """Wait until nothing is in progress, except what a listener took and has not answered for a while."""
        while under_way := [task for number, task in self.tasks.items() if not self._silent(number)]:
            await asyncio.wait(under_way, timeout=_PATIENCE, return_when=asyncio.FIRST_COMPLETED)

    def _silent(self, number: int) -> bool:
        return time.monotonic() - self.acknowledged.get(number, math.inf) >= _PATIENCE

    def _take(self, number: int) -> None:
        self.acknowledged[number] = time.monotonic()
        self.box.wake.set()

    async def close(self) -> None:
        """Cancel what is in progress."""
        under_way = list(self.tasks.values())
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self.sender.close()

    def _ended(self, number: int, _: asyncio.Task[None]) -> None:
        self.tasks.pop(number, None)
        self.acknowledged.pop(number, None)
        self.box.wake.set()

    async def _deliver(self, due: Due) -> None:
        storage = self.box.storage
        event, receiver = storage.find(due.event, "event"), storage.find(due.receiver)
        if event is None or receiver is None or not self._reachable(receiver):
            self._set_state(due, "dropped", None)
            return
        started, clock = now(), time.perf_counter()
        try:
            result = await self.sender.send(due, event, receiver, partial(self._take, due.id))
        except SocketLost:
            # It is sent when the listener reconnects, which may have happened already.
            self._set_state(due, "pending", now() if receiver.id in self.box.sockets else None)
            return
        with storage.transaction():
            storage.connection.execute(
                "INSERT INTO attempts (delivery, at, seconds, url, status, error, response, trouble) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (due.id, started, time.perf_counter() - clock, *astuple(result)),
            )
            storage.connection.execute("UPDATE deliveries SET attempts = attempts + 1 WHERE id = ?", (due.id,))
            self._conclude(due, receiver.id, delivered=result.delivered)

    def _reachable(self, receiver: Stored) -> bool:
        if receiver.type == listeners.SESSION:
            return listeners.is_active(self.box, receiver)
        return receiver.body.get("status") == "enabled"

    def _conclude(self, due: Due, receiver_id: str, *, delivered: bool) -> None:
        """Set what follows from an attempt. Only endpoints are retried and have a record of failures."""
        storage = self.box.storage
        endpoint = storage.find(receiver_id, "webhook_endpoint")
        if not delivered:
            wait = self._wait(due) if endpoint else None
            self._set_state(due, "failed" if wait is None else "pending", None if wait is None else now() + wait)
            if endpoint:
                record_failure(self.box, endpoint)
            return
        first = not storage.connection.execute(
            "SELECT 1 FROM deliveries WHERE event = ? AND endpoint = ? AND state = 'delivered'",
            (due.event, due.receiver),
        ).fetchone()
        self._set_state(due, "delivered", None)
        if endpoint:
            record_success(self.box, endpoint)
            if first and (event := storage.find(due.event, "event")):
                event.body["pending_webhooks"] = max(0, event.body["pending_webhooks"] - 1)
                storage.save(event)

    def _wait(self, due: Due) -> float | None:
        """Return the seconds until the next attempt, or None after the last."""
        if self.box.settings.retries == "test":
            if due.attempts + 1 >= _TEST_ATTEMPTS:
                return None
        elif now() - due.created >= _LIVE_SECONDS:
            return None
        longest = min(_FIRST_WAIT * _GROWTH ** min(due.attempts, 20), _LONGEST_WAIT)
        return longest * random.uniform(0.75, 1.0)  # noqa: S311 - spreads retries, guards nothing

    def _set_state(self, due: Due, state: str, next_at: float | None) -> None:
        self.box.storage.connection.execute(
            "UPDATE deliveries SET state = ?, next_at = ? WHERE id = ? AND state = 'pending'",
            (state, next_at, due.id),
        )
