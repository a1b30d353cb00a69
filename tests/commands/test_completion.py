"""What a shell completes: commands and options in a real bash, and order numbers from the database."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import asyncpg
import pytest

import cli
from checkout_daemon.orders.order_numbers import number_ranges
from tests.commands.conftest import go
from tests.support.orders import NOW, add_order
from tools.manual import walk

CHECKOUT = Path(sys.executable).parent / "checkout"
Complete = Callable[[str], list[str]]

FINGERPRINT = sha256(b"planted").hexdigest()[:8]

# What bash does at Tab: it calls the function given to `complete`, with the words so far.
BASH = """
source <("$CHECKOUT" completion bash)
COMP_WORDS=($LINE); [[ $LINE == *' ' ]] && COMP_WORDS+=("")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
function=$(complete -p checkout | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
compopt() { :; }
"$function" "$CHECKOUT"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def complete(database_url: str, tmp_path: Path) -> Complete:
    """A line typed in bash, and what Tab offers; output on stderr is a failure."""

    def complete(line: str) -> list[str]:
        environ = {**os.environ, "CHECKOUT": str(CHECKOUT), "LINE": line, "DATABASE_URL": database_url}
        ran = subprocess.run(
            ["bash", "--norc", "-c", BASH], env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=60
        )
        assert (ran.returncode, ran.stderr) == (0, "")
        return ran.stdout.split()

    return complete


@pytest.fixture
def orders(database_url: str) -> None:
    """Orders 1001 to 1012, the first is the oldest."""

    async def work() -> None:
        connection = await asyncpg.connect(database_url)
        for place in range(12):
            attention = ["paid_twice", "refund_failed"] if place == 11 else []
            await add_order(connection, created_at=NOW - timedelta(hours=20 - place), attention=attention)
        await connection.execute(
            "INSERT INTO stripe_events (id, type, status, body_hash, received_at, last_error) VALUES"
            " ('evt_1', 'charge.refunded', 'dead', '', now() - interval '1 hour', 'planted'),"
            " ('evt_2', 'charge.refunded', 'failed', '', now(), 'planted')"
        )
        await connection.close()

    go(work())


def patiently(complete: Complete, line: str) -> list[str]:
    """A busy machine may take longer than a person waits; a person would press Tab again."""
    deadline = time.monotonic() + 30
    while not (found := complete(line)) and time.monotonic() < deadline:
        pass
    return found


@pytest.mark.usefixtures("orders")
def test_bash_completes_commands_options_and_numbers_newest_first(complete: Complete) -> None:
    assert complete("checkout ord") == ["orders"]
    assert complete("checkout orders list --at") == ["--attention"]
    assert complete("checkout orders list --status par") == ["partially_refunded"]
    assert complete("checkout orders list --filter st") == ["status:"]
    assert complete("checkout orders list --filter is:") == ["is:test", "is:live"]
    assert patiently(complete, "checkout orders show 101") == ["1012", "1011", "1010"]
    assert patiently(complete, "checkout sessions resend ") == [str(number) for number in range(1012, 1000, -1)]
    assert patiently(complete, "checkout events list --order 1012") == ["1012"]
    assert patiently(complete, "checkout orders ack 1012 ") == ["paid_twice", "refund_failed"]
    assert patiently(complete, "checkout orders ack 1012 p") == ["paid_twice"]
    assert complete("checkout orders ack 1011 d") == []
    assert "dispute_lost" in complete("checkout orders ack bo@example.com d")
    assert patiently(complete, "checkout events show evt_") == ["evt_2", "evt_1"]
    assert patiently(complete, "checkout events replay evt_1 evt_2") == ["evt_2"]
    assert patiently(complete, "checkout events list --fingerprint ") == [FINGERPRINT]
    assert complete("checkout orders show 2") == []
    assert complete("checkout orders show ada@") == []
    assert complete("checkout trigger charge.ref") == ["charge.refunded", "charge.refund.updated"]
    assert complete("checkout events list --type refund.f") == ["refund.failed"]


def test_wherever_an_order_is_asked_for_it_is_completed() -> None:
    commands = dict(walk(cli.checkout, "checkout")).values()
    asked = [parameter for command in commands for parameter in command.params if parameter.name == "order"]
    assert len(asked) > 10
    assert all(parameter._custom_shell_complete is not None for parameter in asked)


@pytest.mark.parametrize("state", ["refuses", "silent", "wrong", "unset"])
def test_a_database_that_does_not_answer_offers_nothing_in_time(tmp_path: Path, state: str) -> None:
    listener = socket.create_server(("127.0.0.1", 0))  # accepts, and never answers
    port = listener.getsockname()[1]
    if state == "refuses":
        listener.close()
    url = {"wrong": "mysql://x/y", "unset": ""}.get(state, f"postgresql://shop:verysecret@127.0.0.1:{port}/shop")
    environ = {**os.environ, "DATABASE_URL": url, "_CHECKOUT_COMPLETE": "bash_complete"}

    def wall(line: str) -> float:
        started = time.monotonic()
        words = {"COMP_WORDS": line, "COMP_CWORD": "3"}
        ran = subprocess.run([CHECKOUT], env=environ | words, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert (ran.returncode, ran.stdout.strip(), ran.stderr) == (0, "", "")
        return time.monotonic() - started

    # Compared with a start that asks nothing; the best of several tries, since the machine may be busy.
    try:
        waited = min(wall("checkout orders show 10") - wall("checkout orders show x@") for _ in range(4))
    finally:
        listener.close()
    assert waited < (1.0 if state == "silent" else 0.7)


@pytest.mark.parametrize(
    ("digits", "fit", "unfit"),
    [("", [1, 1001, 2**63 - 1], [0]), ("10", [10, 100, 109, 1099, 10_000], [1, 11, 110, 1100, 2010]), ("0", [], [1])],
)
def test_the_ranges_are_the_numbers_that_begin_so(digits: str, fit: list[int], unfit: list[int]) -> None:
    def held(number: int) -> bool:
        return any(low <= number <= high for low, high in number_ranges(digits))

    assert [held(number) for number in fit] == [True] * len(fit)
    assert not any(held(number) for number in unfit)


def test_ranges_end_where_numbers_do() -> None:
    for digits in ("9223372036854775807", "9223372036854775808", "9" * 19, "9" * 25, "1"):
        assert all(low <= high < 2**63 for low, high in number_ranges(digits))
