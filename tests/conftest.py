"""Fixtures for every test: a database of its own on a real PostgreSQL, and a directory for state."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from checkout_daemon.database.migrations import migrate
from checkout_daemon.dev.cluster import RECORD, load_record
from tests.support.cluster import Cluster, roomy_directory
from tests.support.fixtures import connection, runtime, stripe
from tests.support.serving import http, serve

__all__ = ["connection", "http", "runtime", "serve", "stripe"]

# What a shell starts in the background ignores Ctrl-C, and so would every program that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes shows how busy the machine is, not whether the code is right.
settings.register_profile("any_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any_machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test whose name has a time of today: processes that run tests together would collect other names."""
    today = datetime.now(UTC).date()
    for item in items:
        if f"{today}T" in item.nodeid or f"{today} " in item.nodeid:
            raise pytest.UsageError(f"{item.nodeid} changes with the clock: parametrize it by something fixed")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """The PostgreSQL of this run, with the schema in the database that others are copied from."""
    cluster = Cluster(prepare=migrate)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def database_url(cluster: Cluster) -> Iterator[str]:
    """A database of this test, with the schema and no rows."""
    url = cluster.take()
    yield url
    cluster.give_back(url)


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """An empty directory with a short path that every user can enter, unlike `tmp_path`: PostgreSQL is not root."""
    path = Path(tempfile.mkdtemp(dir=roomy_directory(), prefix="checkout-state-"))
    path.chmod(0o755)
    yield path
    for found in list(path.rglob(RECORD)):
        if record := load_record(found.parent):
            shutil.rmtree(record.home)  # not below the path if a test closed that to PostgreSQL's user
    shutil.rmtree(path)
