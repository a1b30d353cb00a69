"""A reader that closes the pipe early, as `| head` does, is no failure: every command ends with 0, without a word."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands.every_command import READING
from tests.commands.place import Place, open_place
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(cluster: Cluster, offline_stripe: BackgroundStripe) -> Iterator[Place]:
    yield from open_place(cluster, offline_stripe)


@pytest.mark.parametrize("name", READING)
def test_a_closed_pipe_ends_a_command_with_0(place: Place, tmp_path: Path, name: str) -> None:
    words = READING[name].words(place, tmp_path)
    reading, writing = os.pipe()
    os.close(reading)
    ran = subprocess.run(
        [sys.executable, "-m", "checkout_daemon", *words],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **place.environ()},
        cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    os.close(writing)
    assert ran.returncode == 0, ran.stderr
    assert "Traceback" not in ran.stderr
    assert "BrokenPipe" not in ran.stderr
