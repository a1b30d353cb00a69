"""A client's connection to the database: statements travel there, run at once and alone, and answers travel back."""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from typing import TYPE_CHECKING, Any

from tests.faults.simulation.loop import Process

if TYPE_CHECKING:
    from tests.faults.simulation.network import Network

_CANCEL = 80877102


class Link(asyncio.Transport):
    """The client's end, and the server's view of it: which messages have arrived and wait to run."""

    def __init__(self, network: Network, process: Process, number: int) -> None:
        super().__init__()
        self.network = network
        self.process = process
        self.number = number
        self.server = network.postgres.dial()
        self._protocol: Any = None
        self._started = False
        self._received = bytearray()
        self._waiting: deque[bytes] = deque()
        self._last_arrival = 0.0
        self._last_answer = 0.0
        self._closing = False
        self._lost = False
        process.connections[id(self)] = self

    def attach(self, protocol: Any) -> None:
        """Give what arrives to this protocol."""
        self._protocol = protocol

    # asyncio.Transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    def write(self, data: Any) -> None:
        if self._closing or self._lost:
            return
        network, now = self.network, self.network.loop.time()
        data = bytes(data)
        when = max(now + network.delay(), self._last_arrival, network.database.cut_off_until)
        self._last_arrival = when + 1e-7
        if network.strikes(network.weather.cut):
            arrives = network.random.random() < 0.5
            if arrives:
                network.send(network.loop.world, when, self._arrive, data)
            network.send(network.loop.world, when + 1e-7, self.cut)
            self._closing = True
            return
        network.send(network.loop.world, when, self._arrive, data)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        """Close the connection. What is on its way arrives before its end; then the server rolls back."""
        if not self._lost and not self._closing:
            self._closing = True
            self._end_after_arrivals()
            self.lose(None)

    def is_closing(self) -> bool:
        return self._closing or self._lost

    def pause_reading(self) -> None:
        """Answers are small."""

    def resume_reading(self) -> None:
        """See pause_reading."""

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    # At the server

    def _arrive(self, data: bytes) -> None:
        if not self.server.ended:
            self._received += data
            self._split()
            self.run()

    def _split(self) -> None:
        """Take the messages that the server answers together: up to a Sync, a Flush, a Query or an end."""
        received, place = self._received, 0
        while True:
            head = 1 if self._started else 0
            if len(received) < place + head + 4:
                return
            end = place + head + struct.unpack_from("!I", received, place + head)[0]
            if len(received) < end:
                return
            kind = chr(received[place]) if self._started else "startup"
            place = end
            if kind in ("startup", "S", "H", "Q", "X"):
                self._waiting.append(bytes(received[:end]))
                del received[:end]
                place = 0
                self._started = True

    def run(self) -> None:
        """Run what has arrived, unless a statement of this connection waits for a lock."""
        while self._waiting and not self.server.blocked and not self.server.ended:
            messages = self._waiting.popleft()
            if messages[:1] == b"X":
                self._end()
                return
            if messages[4:8] == struct.pack("!I", _CANCEL) and self.server.pid == 0:
                self.network.postgres.cancel(struct.unpack_from("!I", messages, 8)[0])
                self.cut()
                return
            self.network.postgres.run(self, messages)

    def run_soon(self) -> None:
        """Go on with what has arrived while a statement waited."""
        self.network.loop.call_as(self.network.loop.world, 0.0, self.run)

    def answer(self, data: bytes) -> None:
        """Send the server's answer to the client."""
        network, now = self.network, self.network.loop.time()
        slow = network.random.uniform(0.2, 12.0) if network.strikes(network.weather.slow_commit) else 0.0
        when = max(now + network.delay() + slow, self._last_answer, network.database.cut_off_until)
        self._last_answer = when + 1e-7
        network.send(self.process, when, self._give, data)

    def cut(self) -> None:
        """Lose the connection: the server ends its session, and the client notices."""
        self._end()
        network = self.network
        when = max(network.loop.time() + network.delay(), self._last_answer, network.database.cut_off_until)
        network.send(self.process, when, self.lose, ConnectionResetError("cut"))

    def _give(self, data: bytes) -> None:
        if not self._lost:
            self._protocol.data_received(data)

    def lose(self, error: Exception | None) -> None:
        """Notice that the connection has ended. As in asyncio, the protocol hears of it in the next turn."""
        self.network.loop.call_soon(self._lose, error)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = self._closing = True
            self.process.connections.pop(id(self), None)
            self._protocol.connection_lost(error)

    def _end(self) -> None:
        self.network.postgres.end(self)

    def owner_died(self) -> None:
        """End the session because its client has died. What is on its way may still arrive before."""
        self._lost = self._closing = True
        self.process.connections.pop(id(self), None)
        if self.network.random.random() < 0.5:
            self._end_after_arrivals()
        else:
            self._end()

    def _end_after_arrivals(self) -> None:
        network = self.network
        when = max(network.loop.time(), self._last_arrival) + 1e-7
        network.send(network.loop.world, when, self._end)
