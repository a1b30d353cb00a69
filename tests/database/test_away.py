"""The error for a database that is away states the reason in the system's words, and neither address nor password."""

from __future__ import annotations

import socket
import ssl

import asyncpg
import pytest

from checkout_daemon.database.pool import unavailable_when_away
from checkout_daemon.errors import DatabaseUnavailable

ADDRESS = "10.1.2.3"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            ConnectionRefusedError(111, f"Connect call failed ('{ADDRESS}', 5432)"),
            "does not answer: Connection refused",
        ),
        (TimeoutError(), "does not answer: TimeoutError"),
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
