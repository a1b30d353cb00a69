"""`checkout tui` in a terminal of its own: what it writes there, and what it takes from its environment."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import re
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSWINSZ
from time import monotonic
from urllib.parse import urlsplit

import asyncpg
import pytest

from bench.support.paper import Paper
from checkout_daemon.audit.operators import Operator
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.database.pool import Database
from checkout_daemon.ledger.facts import DisputeFact, DisputeStatus
from checkout_daemon.ledger.merge import Update, merge
from tests.support.orders import add_order
from tests.support.payments import paid

ROOT = Path(__file__).parents[2]
SECONDS = 30.0
_TAKES_THE_SCREEN = b"\x1b[?1049h"
_STYLES = re.compile(rb"\x1b\[([\d;]*)m")
_COLOURS = re.compile(rb"(^|;)(3[0-8]|4[0-8]|9[0-7]|10[0-7])(;|$)")


class Window:
    """What a program has written to its terminal, and a keyboard."""

    def __init__(self, master: int) -> None:
        self._master = master
        self.written = b""
        self.paper = Paper()

    def take(self, data: bytes) -> None:
        self.written += data
        self.paper.feed(data)

    async def shows(self, text: str) -> None:
        deadline = monotonic() + SECONDS
        while text not in self.paper.text:
            assert monotonic() < deadline, self.paper.text
            await asyncio.sleep(0.02)

    async def writes(self, text: str, *, times_begun: int = 1) -> None:
        """Wait until this was written, wherever it is on the screen, since the program took the screen that often."""
        deadline = monotonic() + SECONDS
        while text.encode() not in b"".join(self.written.split(_TAKES_THE_SCREEN)[times_begun:]):
            assert monotonic() < deadline, self.written[-500:]
            await asyncio.sleep(0.02)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    @property
    def colours(self) -> list[bytes]:
        """The codes that set a colour."""
        return [found for found in _STYLES.findall(self.written) if _COLOURS.search(found)]


@asynccontextmanager
async def terminal(url: str, directory: Path, **environ: str) -> AsyncIterator[Window]:
    """The terminal until `q` ends it: 100 columns, 30 lines."""
    master, slave = pty.openpty()
    ioctl(slave, TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    window = Window(master)
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(OSError):
            window.take(os.read(master, 65_536))

    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    own = {"XDG_STATE_HOME": str(directory)}
    settings = {"DATABASE_URL": url, "STRIPE_API_KEY": "sk_test_window0123456789", "TERM": "xterm-256color"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "cli.py"), "tui", stdin=slave, stdout=slave, stderr=slave, cwd=directory,
        env=kept | settings | {"PYTHONPATH": str(ROOT), "COLORTERM": "truecolor"} | own | environ,
        start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    loop.add_reader(master, read)
    try:
        yield window
        window.type("q")
        async with asyncio.timeout(SECONDS):
            assert await process.wait() == 0
    finally:
        loop.remove_reader(master)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(master)


async def test_without_colour_nothing_of_it_is_written(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await add_order(connection, status="disputed", attention=["dispute_needs_response"])
    async with terminal(database_url, tmp_path, NO_COLOR="1") as plain:
        await plain.shows("Ada Lovelace")
        await plain.shows("1 order")
        plain.type("\x1b[B\r")
        await plain.shows("Order 1001")
        plain.type("?")
        await plain.shows("Keys: Order")
        plain.type("q")  # out of the help
    assert plain.colours == []
    async with terminal(database_url, tmp_path) as coloured:
        await coloured.shows("Ada Lovelace")
    assert coloured.colours


async def test_personal_data_is_masked_from_the_start_if_a_setting_asks_for_it(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await add_order(connection)
    async with terminal(database_url, tmp_path, CHECKOUT_MASK="on") as window:
        await window.shows("masked")
        await window.shows("A••• L•••")
    assert b"Lovelace" not in window.written


@pytest.mark.parametrize("may_write", [False, True])
async def test_a_database_user_who_may_not_write_is_read_only_by_themselves(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path, *, may_write: bool
) -> None:
    await add_order(connection)
    await connection.execute(
        "CREATE ROLE onlooker LOGIN PASSWORD 'looks'; GRANT USAGE ON SCHEMA public TO onlooker;"
        " GRANT SELECT ON ALL TABLES IN SCHEMA public TO onlooker"
    )
    parts = urlsplit(database_url)
    url = f"postgresql://onlooker:looks@{parts.hostname}:{parts.port}{parts.path}"
    try:
        async with terminal(database_url if may_write else url, tmp_path) as window:
            await window.shows("Ada Lovelace")
            window.type("\r")
            await window.shows("Order 1001")
            await window.shows("Resend" if may_write else "Back")
        assert ("read-only" in window.paper.text) != may_write
        assert ("Resend" in window.paper.text) == may_write
    finally:
        await connection.execute("DROP OWNED BY onlooker; DROP ROLE onlooker")


async def test_who_is_no_operator_of_the_shop_may_only_look(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await add_order(connection)
    database = Database(database_url, max_size=1)
    ada = NewOperator("ada", OperatorRole.ADMIN, {}, os_user="ada-at-home")
    await add_operator(database, ada, operator=Operator("ada", "desk"))
    await database.close()
    async with terminal(database_url, tmp_path) as window:
        await window.shows("Ada Lovelace")
        await window.shows("read-only")
        window.type("\r")
        await window.shows("Order 1001")
        await window.shows("Back")
    assert "Resend" not in window.paper.text


def test_the_first_screen_waits_for_nothing_that_it_does_not_need() -> None:
    """Half of the imports happen after the first rows are shown."""
    late = {"checkout_daemon.orders.refunding", "checkout_daemon.ledger.merge", "checkout_daemon.tui.screens.order"}
    late |= {"stripe", "aiohttp"}
    program = f"import sys, checkout_daemon.tui.app; print(*sorted({late!r} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


async def test_a_place_typed_at_full_speed_is_reached_and_what_follows_acts_there(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    for _ in range(3):
        await add_order(connection)
    async with terminal(database_url, tmp_path) as window:
        await window.shows("3 orders")
        window.type(":1002\rnwritten at once\r:dead\r")
        await window.shows("Nothing has failed")
        window.type("\x1b")
        await window.shows("order.noted")
        assert "Order 1002" in window.paper.text
    noted = await connection.fetch("SELECT number, note FROM order_changes JOIN orders ON orders.id = order_id")
    assert (1002, "written at once") in [tuple(row) for row in noted]


async def test_a_command_of_an_own_key_has_the_terminal_and_gives_it_back(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    await add_order(connection)
    config = tmp_path / "config" / "checkout-daemon" / "tui.toml"
    config.parent.mkdir(parents=True)
    run = 'printf "What now? "; read answer; echo "$answer, $CHECKOUT_ORDER_NUMBER" > answer; exit 7'
    config.write_text(f"[[keys]]\nkey = 'f5'\nname = 'Ask'\nwhere = 'terminal'\nrun = '''{run}'''\n")
    async with terminal(database_url, tmp_path, XDG_CONFIG_HOME=str(config.parents[1])) as window:
        await window.shows("1 order")
        window.type("\x1b[15~")
        await window.writes("What now? ")
        window.type("refund it\r")
        await window.writes("Ask ended with 7. Press Enter to go back.")
        window.type("\r")
        await window.writes("Lovelace", times_begun=2)
        window.type("\r")
        await window.shows("Order 1001")
    assert (tmp_path / "answer").read_text() == "refund it, 1001\n"


async def test_evidence_is_edited_in_the_terminal_which_comes_back(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
) -> None:
    order_id = await add_order(connection, amount_subtotal=5000, amount_total=5000)
    at, due = datetime.now(UTC), datetime.now(UTC) + timedelta(days=7)
    status = DisputeStatus.NEEDS_RESPONSE
    fact = DisputeFact("du_1", False, "pi_1", status, due, 5000, "eur", "subscription_canceled", at, "evt_1")
    database = Database(database_url, max_size=1)
    await database.run(merge, [paid(order_id, "pi_1")])
    await database.run(merge, [Update("charge.dispute.created", "stripe", subject_id="pi_1", facts=[fact])])
    await database.close()
    editor = tmp_path / "editor.sh"
    # A text that mattered and was empty is filled in.
    fill = 'sed -i "s/^\\[cancellation_rebuttal\\]/&\\n$answer/" "$1"'
    editor.write_text(f'#!/bin/sh\nprintf "What happened? "; read answer; {fill}\n')
    editor.chmod(0o755)
    async with terminal(database_url, tmp_path, EDITOR=str(editor)) as window:
        await window.shows("1 order")
        window.type(":disputes\r")
        await window.shows("subscription canceled")
        window.type("e")
        await window.writes("What happened? ")
        window.type("never asked\r")
        await window.shows("saved as a draft")
    texts = await connection.fetchval("SELECT texts FROM dispute_drafts")
    assert '"cancellation_rebuttal":"never asked"' in texts
