"""Connections that wait to be accepted are taken together, however long a turn of the loop takes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

import uvloop

from checkout_daemon.app import create_app
from checkout_daemon.settings import load_settings
from checkout_daemon.web.app_keys import CONNECTIONS
from checkout_daemon.web.server import ShopRunner
from tests.support.stripe_events import SECRET
from tests.web.conftest import DATABASE_AWAY, NOWHERE

CLIENTS = 200
TURNS = 20


async def accepted(cwd: Path) -> int:
    environ = {
        "DATABASE_URL": DATABASE_AWAY, "STRIPE_API_KEY": "sk_test_web0123456789", "STRIPE_API_BASE": NOWHERE,
        "STRIPE_WEBHOOK_SECRET": SECRET,
    }  # fmt: skip
    app = create_app(load_settings(environ, cwd=cwd))
    runner = ShopRunner(app)
    await runner.setup()
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0), backlog=CLIENTS))
        await runner.listen(listener)
        for _ in range(CLIENTS):  # the kernel accepts them for us
            opened.enter_context(socket.create_connection(listener.getsockname()))
        for _ in range(TURNS):
            await asyncio.sleep(0)
        found = len(app[CONNECTIONS])
        await runner.cleanup()
    return found


def test_those_who_wait_are_taken_in_few_turns_of_the_loop(tmp_path: Path) -> None:
    assert uvloop.run(asyncio.wait_for(accepted(tmp_path), 30)) == CLIENTS
