"""Run the offline Stripe until it is stopped."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from aiohttp import web

from checkout_daemon.sandbox.app import create_app
from checkout_daemon.sandbox.box import SandboxSettings
from checkout_daemon.sandbox.guard import BOX

__all__ = ["PARENT_PIPE", "SandboxSettings", "run"]

PARENT_PIPE = "CHECKOUT_PARENT_PIPE"
"""The variable with the descriptor that closes when the parent process ends."""

_SHUTDOWN_SECONDS = 1.0


def run(settings: SandboxSettings) -> None:
    """Serve until SIGTERM, SIGINT, or the end of the parent process."""
    asyncio.run(_serve(settings))


async def _serve(settings: SandboxSettings) -> None:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    _watch_parent(loop, stop)
    app = create_app(settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        port = runner.addresses[0][1]
        app[BOX].base_url = f"http://{_reachable(settings.host)}:{port}"
        if settings.unix_socket is not None:
            _remove_socket(settings.unix_socket)
            before = os.umask(0o177)  # so that the socket is never readable by others
            try:
                await web.UnixSite(runner, str(settings.unix_socket)).start()
            finally:
                os.umask(before)
        sys.stdout.write(f"Offline Stripe on {app[BOX].base_url}\n")
        if settings.unix_socket is not None:
            sys.stdout.write(f"STRIPE_CLI_UNIX_SOCKET={settings.unix_socket.absolute()}\n")
        sys.stdout.flush()
        await stop.wait()
    finally:
        await runner.cleanup()
        if settings.unix_socket is not None:
            _remove_socket(settings.unix_socket)


def _reachable(host: str) -> str:
    """Return the host for URLs in objects. A wildcard address is not a destination, and IPv6 needs brackets."""
    if host in ("", "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _remove_socket(path: Path) -> None:
    """Remove a leftover socket. Any other file stays, and listening there then fails."""
    if path.is_socket():
        path.unlink(missing_ok=True)


def _watch_parent(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    given = os.environ.get(PARENT_PIPE, "")
    if not given.isdigit():
        return
    descriptor = int(given)

    def readable() -> None:
        if not os.read(descriptor, 1024):
            loop.remove_reader(descriptor)
            stop.set()

    try:
        loop.add_reader(descriptor, readable)
    except OSError:
        stop.set()  # no such descriptor, so its end would go unnoticed
