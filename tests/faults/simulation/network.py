"""A simulated network between simulated processes: delays, lost connections, cuts between two places, dead hosts."""

from __future__ import annotations

import asyncio
import random
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.faults.simulation.link import Link
from tests.faults.simulation.loop import Process, SimulatedLoop
from tests.faults.simulation.postgres import Postgres

Factory = Callable[[], Any]


@dataclass
class Weather:
    """What goes wrong in the network at the moment; shares are from 0 to 1, delays in seconds."""

    delay: tuple[float, float] = (0.0002, 0.004)
    slow: float = 0.0
    """The share of messages that take `slow_seconds` at most."""
    slow_seconds: float = 3.0
    cut: float = 0.0
    """The share of messages with which their connection is lost, before or after they arrive."""
    slow_commit: float = 0.0
    """The share of the database's answers that wait for its disk."""


@dataclass
class Address:
    """A port and who listens there. Several processes share the load of a port."""

    listeners: list[tuple[Process, Factory]] = field(default_factory=list)
    cut_off_until: float = 0.0


class Socket:
    """What programs see of a connection's socket."""

    family = socket.AF_INET

    def __init__(self, port: int, number: int = 0) -> None:
        self.port = port
        self._number = number

    def fileno(self) -> int:
        return self._number

    def setsockopt(self, *_: Any) -> None:
        """There is nothing to set."""

    def close(self) -> None:
        """There is nothing to close."""


def settle(future: asyncio.Future[None]) -> None:
    """Let whoever waits for the future go on."""
    if not future.done():
        future.set_result(None)


class Network:
    """All connections of the simulated world."""

    def __init__(self, loop: SimulatedLoop, seed: int, postgres: Postgres) -> None:
        self.loop = loop
        self.weather = Weather()
        self.postgres = postgres
        self.random = random.Random(f"network {seed}")
        self.addresses: dict[int, Address] = {}
        self.database = Address()
        self.cuts = 0
        self.messages = 0
        self._numbers = count(1)

    def listen(self, port: int, process: Process, factory: Factory) -> None:
        """Let a process accept connections at a port. `factory` returns the protocol of one."""
        address = self.addresses.setdefault(port, Address())
        address.listeners = [one for one in address.listeners if not one[0].dead] + [(process, factory)]

    def delay(self) -> float:
        """Return how long the next message travels."""
        weather = self.weather
        if weather.slow and self.random.random() < weather.slow:
            return self.random.uniform(0.0, weather.slow_seconds)
        return self.random.uniform(*weather.delay)

    def strikes(self, share: float) -> bool:
        """Return whether something with this chance happens now."""
        return share > 0 and self.random.random() < share

    def send(self, receiver: Process, arrives_at: float, callback: Callable[..., None], *args: Any) -> None:
        """Have something arrive at a process. Until then it counts as on its way."""
        self.messages += 1
        self.loop.in_flight += 1
        # Under the world's name, so that it also arrives, at nobody, if the receiver has died.
        self.loop.call_as(self.loop.world, arrives_at - self.loop.time(), self._arrive, receiver, callback, args)

    def _arrive(self, receiver: Process, callback: Callable[..., None], args: tuple[Any, ...]) -> None:
        self.loop.in_flight -= 1
        if not receiver.dead:
            self.loop.call_as(receiver, 0.0, callback, *args)

    async def connect(self, factory: Factory, port: int) -> tuple[Pipe, Any]:
        """Connect the current process to a port."""
        client = self.loop.current
        address = self.addresses.setdefault(port, Address())
        await self._travel(client, address)
        alive = [one for one in address.listeners if not one[0].dead]
        if not alive:
            raise ConnectionRefusedError(111, "Connection refused")
        server, accept = self.random.choice(alive)
        number = next(self._numbers)
        ours, theirs = Pipe(self, client, address, number), Pipe(self, server, address, number)
        ours.peer, theirs.peer = theirs, ours
        protocol = factory()
        ours.attach(protocol)
        protocol.connection_made(ours)
        self.send(server, self.loop.time() + self.delay(), theirs.accepted, accept)
        return ours, protocol

    async def connect_database(self, factory: Factory) -> tuple[Link, Any]:
        """Connect the current process to the database."""
        client = self.loop.current
        await self._travel(client, self.database)
        link = Link(self, client, next(self._numbers))
        protocol = factory()
        link.attach(protocol)
        protocol.connection_made(link)
        return link, protocol

    async def _travel(self, client: Process, address: Address) -> None:
        arrived = self.loop.create_future()
        when = max(self.loop.time() + self.delay(), address.cut_off_until)
        self.send(client, when, settle, arrived)
        await arrived

    def reset_all(self, process: Process) -> None:
        """Reset the connections of a process that has died. What it sent may still arrive."""
        for connection in list(process.connections.values()):
            connection.owner_died()

    def cut_off(self, address: Address, seconds: float) -> None:
        """Let nothing pass to or from an address for a while. Messages arrive afterwards, as TCP repeats them."""
        self.cuts += 1
        address.cut_off_until = self.loop.time() + seconds


class Pipe(asyncio.Transport):
    """One end of a connection between two processes."""

    def __init__(self, network: Network, process: Process, address: Address, number: int) -> None:
        super().__init__()
        self.network = network
        self.process = process
        self.address = address
        self.number = number
        self.peer: Pipe = self
        self._protocol: Any = None
        self._extra = {"peername": ("127.0.0.1", 40_000), "socket": Socket(0, 100 + number)}
        self._last_arrival = 0.0
        self._closing = False
        self._lost = False
        self._paused = False
        self._kept: deque[bytes] = deque()
        process.connections[id(self)] = self

    def attach(self, protocol: Any) -> None:
        """Give what arrives to this protocol."""
        self._protocol = protocol

    def accepted(self, accept: Factory) -> None:
        """Begin as the server's end."""
        if self._lost:
            return
        self.attach(accept())
        self._protocol.connection_made(self)
        while self._kept and not self._paused:
            self._protocol.data_received(self._kept.popleft())

    # asyncio.Transport

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._extra.get(name, default)

    def write(self, data: Any) -> None:
        if self._closing or self._lost or not data:
            return
        data = bytes(data)
        network = self.network
        network.loop.note("pipe", self.number, len(data))
        if network.strikes(network.weather.cut):
            if network.random.random() < 0.5:
                self._send(self.peer.arrive, data)
            self._send(self.peer.lose, ConnectionResetError("cut"))
            self._closing = True
            network.send(self.process, network.loop.time() + network.delay(), self.lose, ConnectionResetError("cut"))
            return
        self._send(self.peer.arrive, data)

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        if not self._closing and not self._lost:
            self._closing = True
            self._send(self.peer.lose, None)
            self.lose(None)

    def abort(self) -> None:
        if not self._lost:
            self._closing = True
            self._send(self.peer.lose, ConnectionResetError("reset"))
            self.lose(None)

    def is_closing(self) -> bool:
        return self._closing or self._lost

    def is_reading(self) -> bool:
        return not self._paused

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            self.network.loop.call_soon(self._flush)

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """There is no buffer."""

    # What arrives

    def _send(self, callback: Callable[..., None], *args: Any) -> None:
        network, peer = self.network, self.peer
        when = max(network.loop.time() + network.delay(), self._last_arrival, self.address.cut_off_until)
        self._last_arrival = when + 1e-7
        network.send(peer.process, when, callback, *args)

    def arrive(self, data: bytes) -> None:
        """Receive what the other end wrote."""
        if self._lost:
            return
        if self._protocol is None or self._paused or self._kept:
            self._kept.append(data)
        else:
            self._protocol.data_received(data)

    def _flush(self) -> None:
        while self._kept and not self._paused and not self._lost:
            self._protocol.data_received(self._kept.popleft())

    def lose(self, error: Exception | None) -> None:
        """Notice that the connection has ended. As in asyncio, the protocol hears of it in the next turn."""
        self.network.loop.call_soon(self._lose, error)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self.process.connections.pop(id(self), None)
            if self._protocol is not None:
                self._protocol.connection_lost(error)

    def owner_died(self) -> None:
        """Reset the connection because its process has died."""
        self._lost = True
        self.process.connections.pop(id(self), None)
        self._send(self.peer.lose, ConnectionResetError("the other end has died"))
