"""Threads for calls that may hang: nothing waits for them, not even the end of the process."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class DaemonThreads:
    """Runs blocking calls on threads of its own, a few at a time for each name, so that one name holds up no other.

    The threads of a ThreadPoolExecutor, and so those of asyncio, are waited for when the process ends.
    """

    def __init__(self, most: int) -> None:
        self._most = most  # for each name
        self._lock = threading.Lock()
        self._waiting: defaultdict[str, deque[tuple[Future[Any], Callable[[], Any]]]] = defaultdict(deque)
        self._running: Counter[str] = Counter()

    async def run(self, name: str, call: Callable[[], T]) -> T:
        """Return what the call returns, or raise what it raises. If it is cancelled before it begins, it never runs."""
        future: Future[T] = Future()
        with self._lock:
            if self._running[name] < self._most:
                threading.Thread(target=self._work, args=(name,), name=name, daemon=True).start()
                self._running[name] += 1
            self._waiting[name].append((future, call))
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Cancel the calls that have not begun, and leave the others alone."""
        with self._lock:
            futures = [future for calls in self._waiting.values() for future, _ in calls]
            self._waiting.clear()
        for future in futures:
            future.cancel()

    def _work(self, name: str) -> None:
        while True:
            with self._lock:
                if not self._waiting[name]:
                    self._running[name] -= 1
                    return
                future, call = self._waiting[name].popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:  # noqa: BLE001 - the caller gets it
                future.set_exception(error)
            else:
                future.set_result(result)
