"""The sandbox as a process: it prints its address, and stops on a signal or when its parent ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from checkout_daemon.sandbox.main import PARENT_PIPE
from checkout_daemon.sandbox.storage import Storage
from tests.sandbox.conftest import AUTHORIZATION

PROGRAM = (
    "import sys; from pathlib import Path; from checkout_daemon.sandbox.main import SandboxSettings, run; "
    "run(SandboxSettings(Path(sys.argv[1]), port=0))"
)


@pytest.fixture
def pipe() -> Iterator[tuple[int, list[int]]]:
    """Return the reading end, and the writing end as the only element of a list."""
    reading, writing = os.pipe()
    held = [writing]
    yield reading, held
    os.close(reading)
    for end in held:
        os.close(end)


@pytest.mark.parametrize("how", ["SIGTERM", "SIGINT", "pipe"])
def test_it_starts_and_stops(tmp_path: Path, pipe: tuple[int, list[int]], how: str) -> None:
    reading, held = pipe
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "state")],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, PARENT_PIPE: str(reading)},
        pass_fds=(reading,),
    )
    with process:
        assert process.stdout is not None
        words = process.stdout.readline().strip()
        assert words.startswith("Offline Stripe on http://127.0.0.1:")
        request = urllib.request.Request(words.split()[-1] + "/v1/balance", headers=AUTHORIZATION)
        with urllib.request.urlopen(request, timeout=5) as answer:
            assert answer.status == 200
        started = time.monotonic()
        if how == "pipe":
            os.close(held.pop())
        else:
            process.send_signal(getattr(signal, how))
        assert process.wait(timeout=5) == 0
        assert time.monotonic() - started < 2


def test_listening_everywhere_it_names_an_address_that_leads_to_it(tmp_path: Path) -> None:
    program = PROGRAM.replace("port=0", "host='0.0.0.0', port=0")
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "state")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Offline Stripe on http://127.0.0.1:")
        process.terminate()


def test_a_file_where_its_socket_should_be_is_not_removed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("keep")
    program = PROGRAM.replace("port=0", "port=0, unix_socket=Path(sys.argv[2])")
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "state"), str(precious)], capture_output=True, check=False
    )
    assert ended.returncode != 0
    assert precious.read_text() == "keep"


def test_a_file_of_an_earlier_release_gets_the_present_indexes(tmp_path: Path) -> None:
    def indexes(storage: Storage) -> dict[str, str]:
        found = storage.connection.execute("SELECT name, sql FROM sqlite_master WHERE sql GLOB 'CREATE INDEX*'")
        return dict(found.fetchall())

    storage = Storage(tmp_path)
    present = indexes(storage)
    for name in ("objects_by_parent", "objects_by_kind", "deliveries_by_event"):
        table, column = ("deliveries", "event") if name.startswith("deliveries") else ("objects", name[11:])
        storage.connection.executescript(f"DROP INDEX {name}; CREATE INDEX {name} ON {table} ({column})")
    storage.connection.executescript("DROP INDEX objects_by_created; PRAGMA user_version = 2")
    storage.close()
    again = Storage(tmp_path)
    assert indexes(again) == present
    again.close()
