"""Free TCP ports on 127.0.0.1."""

from __future__ import annotations

import socket

from checkout_daemon.errors import ConfigurationError


def is_free(port: int) -> bool:
    """Return whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do: connections in TIME_WAIT do not matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(preferred: int = 0) -> int:
    """Return the preferred port if it is free, else one that the system picks."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", 0))
        except OSError as error:
            raise ConfigurationError(f"no free port on 127.0.0.1: {error}") from error
        return int(probe.getsockname()[1])
