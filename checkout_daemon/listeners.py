"""Open the sockets that the daemon listens on: one for each worker, on a port or in the file system."""

from __future__ import annotations

import os
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from checkout_daemon.errors import CheckoutError
from checkout_daemon.urls import http_url

RECEIVE_BUFFER_BYTES = 64 * 1024


class CannotListen(CheckoutError, code="cannot_listen", title="The daemon cannot listen on the address"):
    """The daemon cannot listen on the address; the message states why and what to do."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """The sockets of one worker: for everybody, and for monitoring if that has an address of its own."""

    public: socket.socket
    admin: socket.socket | None

    @property
    def opened(self) -> list[socket.socket]:
        """Return those that there are."""
        return [self.public] if self.admin is None else [self.public, self.admin]

    def close(self) -> None:
        """Close them."""
        close_listeners(self.opened)


def address_of(listener: socket.socket) -> str:
    """Return the address of a socket as people write it."""
    name = listener.getsockname()
    return f"unix:{name}" if listener.family is socket.AF_UNIX else http_url(*name[:2])


def open_listeners(host: str, port: int, count: int) -> list[socket.socket]:
    """Open so many listening sockets, one per worker, all on one port. Raise CannotListen, also for none of them."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        first = _bind(family, address, shared=False)
        if count == 1 or (count and sys.platform != "linux"):
            # SO_REUSEPORT does not spread connections elsewhere: there, the workers share one queue.
            first.listen(socket.SOMAXCONN)
            return [first, *(first.dup() for _ in range(count - 1))]
        # The plain bind showed that the port is free: with SO_REUSEPORT alone, a second daemon would silently share it.
        address = (address[0], first.getsockname()[1], *address[2:])
        first.close()
        listeners = [_bind(family, address, shared=True) for _ in range(count)]
        for listener in listeners:
            listener.listen(socket.SOMAXCONN)
        return listeners
    except socket.gaierror as error:
        raise CannotListen(f"{host} is not an address of this machine: set --host") from error
    except OSError as error:
        where = f"port {port} on {host}"
        if isinstance(error, PermissionError):
            raise CannotListen(f"{where} may not be opened by this user: choose one above 1023 with --port") from error
        raise CannotListen(
            f"{where} cannot be opened ({error.strerror}): stop what uses it, or choose another with --port"
        ) from error


def _bind(family: int, address: tuple[object, ...], *, shared: bool) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. Without it, the kernel buffers megabytes per connection that we have not read yet.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(address)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


def open_unix_listeners(path: Path, mode: int, count: int) -> list[socket.socket]:
    """Open so many listening sockets, one per worker, that share a queue at this path. Raise CannotListen.

    A socket that a killed daemon left behind is replaced; one that is in use is not.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o777 & ~mode)
    try:
        remove_stale(path)
        listener.bind(str(path))
        listener.listen(socket.SOMAXCONN)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        reason = error.strerror or str(error)  # a path that is too long has no number
        raise CannotListen(f"the socket {path} cannot be opened ({reason}): choose another path") from error
    except CannotListen:
        listener.close()
        raise
    finally:
        os.umask(mask)
    return [listener, *(listener.dup() for _ in range(count - 1))]


@contextmanager
def unix_listeners(path: Path, mode: int, count: int) -> Iterator[list[socket.socket]]:
    """Open them for the block. Afterwards the path is removed, unless another daemon listens there by then."""
    listeners = open_unix_listeners(path, mode, count)
    ours = path.stat().st_ino
    try:
        yield listeners
    finally:
        close_listeners(listeners)
        with suppress(OSError):
            if path.stat().st_ino == ours:
                path.unlink()


@contextmanager
def port_listeners(host: str, port: int, count: int) -> Iterator[list[socket.socket]]:
    """Open them for the block."""
    listeners = open_listeners(host, port, count)
    try:
        yield listeners
    finally:
        close_listeners(listeners)


def close_listeners(listeners: list[socket.socket]) -> None:
    """Close them all."""
    for listener in listeners:
        listener.close()


def remove_stale(path: Path) -> None:
    """Remove a socket that nobody listens on. Raise CannotListen if somebody does, or if this is no socket."""
    try:
        if not path.exists():
            return
        if not stat.S_ISSOCK(path.stat().st_mode):
            raise CannotListen(f"{path} is no socket: choose another path")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.settimeout(1.0)
            try:
                other.connect(str(path))
            except ConnectionRefusedError:
                path.unlink(missing_ok=True)
                return
            except (TimeoutError, BlockingIOError):
                pass  # its queue is full
    except OSError as error:
        reason = error.strerror or str(error)
        raise CannotListen(f"the socket {path} cannot be looked at ({reason}): choose another path") from error
    raise CannotListen(f"the socket {path} is in use: stop what uses it, or choose another path")
