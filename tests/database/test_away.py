"""The error for a database that is away states the reason in the system's words, and neither address nor password."""

from __future__ import annotations

import socket
import ssl
from typing import Any, cast

import asyncpg
import pytest

from checkout_daemon.database import away
from checkout_daemon.database.away import unavailable_when_away
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import DatabaseReadOnly, DatabaseRefused, DatabaseUnavailable
from tests.support.waiting import until

ADDRESS = "10.1.2.3"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            ConnectionRefusedError(111, f"Connect call failed ('{ADDRESS}', 5432)"),
            "does not answer: Connection refused",
        ),
        (TimeoutError(), "does not answer: no answer in time"),
        (socket.gaierror(-2, f"Name or service not known {ADDRESS}"), "does not answer: its host name is not known"),
        (ssl.SSLError(1, f"[SSL: WRONG_VERSION_NUMBER] {ADDRESS}"), "does not answer: TLS failed: SSLError"),
        (asyncpg.ConnectionDoesNotExistError("connection was closed"), "does not answer: connection was closed"),
        (asyncpg.InvalidPasswordError("password authentication failed"), "refuses: password authentication failed"),
        (asyncpg.InvalidCatalogNameError('database "x" does not exist'), 'refuses: database "x" does not exist'),
    ],
)
def test_the_error_states_the_reason_without_the_address(error: Exception, reason: str) -> None:
    with pytest.raises(DatabaseUnavailable) as caught, unavailable_when_away():
        raise error
    assert str(caught.value) == f"the database {reason}"


async def test_a_connection_that_is_cut_between_two_messages_of_a_statement_counts_as_away(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = cast("Any", asyncpg.Connection)._get_statement

    async def prepare_until_cut(self: Any, query: str, *args: Any, **kwargs: Any) -> Any:
        prepared = await prepare(self, query, *args, **kwargs)
        await until(self.is_closed)
        return prepared

    async def ask(connection: asyncpg.Connection) -> None:
        monkeypatch.setattr(asyncpg.Connection, "_get_statement", prepare_until_cut)
        await connection.fetchval("SELECT 1")

    database = Database(database_url, block_timeout_seconds=0.3)
    try:
        with pytest.raises(DatabaseUnavailable, match="no answer in time"):
            await database.run_statement(ask)
    finally:
        monkeypatch.undo()
        await database.close()


async def test_a_database_that_comes_up_late_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(away, "WAIT_PAUSE_SECONDS", 0.01)
    troubles: list[Exception] = [DatabaseUnavailable("it does not answer"), DatabaseUnavailable("it is starting")]
    notes: list[str] = []

    async def work() -> int:
        if troubles:
            raise troubles.pop(0)
        return 1

    assert await away.waiting(work, 60, notes.append) == 1
    assert notes == ["it does not answer: waiting for up to 60 s"]


@pytest.mark.parametrize(
    ("error", "seconds"),
    [(DatabaseRefused("wrong password"), 60), (DatabaseUnavailable("no answer"), 0), (DatabaseReadOnly("standby"), 60)],
)
async def test_what_waiting_does_not_mend_is_not_waited_for(error: DatabaseUnavailable, seconds: float) -> None:
    async def work() -> None:
        raise error

    with pytest.raises(DatabaseUnavailable) as caught:
        await away.waiting(work, seconds, lambda _: None)
    assert caught.value is error
