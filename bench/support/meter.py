"""Reads the processor times of everything that takes part in a measurement."""

from __future__ import annotations

import time

from bench.support.cluster import Cluster
from bench.support.processes import Server, busy_seconds, cpu_seconds


class Meter:
    """Measures from its creation to `stop`."""

    def __init__(self, server: Server, cluster: Cluster | None, stub: Server | None) -> None:
        self._server, self._cluster, self._stub = server, cluster, stub
        self._before = self._read()
        self._started = time.monotonic()

    def _read(self) -> dict[str, float]:
        return {
            "busy": busy_seconds(),
            "own": time.process_time(),
            "server": cpu_seconds(self._server.process.pid),
            "postgres": self._cluster.cpu_seconds() if self._cluster else 0.0,
            "stub": cpu_seconds(self._stub.process.pid) if self._stub else 0.0,
        }

    def stop(self, requests: int) -> dict[str, float]:
        """Return the microseconds per request, and how many cores others used meanwhile, by the names of a row."""
        seconds = time.monotonic() - self._started
        used = {name: value - self._before[name] for name, value in self._read().items()}
        busy, own = used.pop("busy"), used.pop("own")
        per_request = {f"{name}_us": 1e6 * value / max(1, requests) for name, value in used.items()}
        return per_request | {"foreign_cores": max(0.0, (busy - own - sum(used.values())) / seconds)}
