"""What asyncpg raises when the server is away, and how that is reported."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import asyncpg

from checkout_daemon.database.url_parameters import WRONG_URL
from checkout_daemon.errors import ConfigurationError, DatabaseReadOnly, DatabaseRefused, DatabaseUnavailable, why

T = TypeVar("T")

WAIT_PAUSE_SECONDS = 0.5
"""The pause between two tries to reach a database that is waited for."""

# What asyncpg raises when the server is away, shutting down, out of resources, or ends a statement or transaction
# because of a time limit that its operator set; never for a faulty statement.
AWAY = (
    OSError,  # includes TimeoutError
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection used while the server closes it; or no host accepts writes
    asyncpg.OperatorInterventionError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # lock_timeout, or a database closed to connections
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
)

# With these the server does answer, and repeats the answer until somebody changes the set-up.
_REFUSALS = (
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.ReadOnlySQLTransactionError,
)

# Of those, the ones whose set-up is ours: the URL.
_REFUSALS_OF_URL = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    ssl.SSLCertVerificationError,
)
_NO_TLS = "rejected SSL upgrade"
_WRONG_NAME = (62, 64)  # OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH


@contextmanager
def unavailable_when_away() -> Iterator[None]:
    """Raise DatabaseUnavailable if the block fails because the server is away, ConfigurationError for a bad URL.

    Raise DatabaseReadOnly if it answers and accepts no writes, and DatabaseRefused if it does not accept the URL's
    user, password or database, or the URL does not trust its certificate.
    """
    try:
        yield
    except asyncpg.exceptions.ClientConfigurationError as error:
        raise ConfigurationError(WRONG_URL) from error
    except AWAY as error:
        # InterfaceError is also raised for an argument that cannot be encoded. A wrong certificate is both.
        if isinstance(error, ValueError) and not isinstance(error, OSError):
            raise
        raise _translated(error) from error


def _translated(error: BaseException) -> DatabaseUnavailable:
    if isinstance(error, asyncpg.ReadOnlySQLTransactionError):
        return DatabaseReadOnly(f"the database refuses: {describe(error)}")
    if isinstance(error, ssl.SSLCertVerificationError) or (
        isinstance(error, ConnectionError) and _NO_TLS in str(error)
    ):
        return DatabaseRefused(f"the database cannot be used: {describe(error)}")
    if isinstance(error, _REFUSALS_OF_URL):
        return DatabaseRefused(f"the database refuses: {describe(error)}")
    how = "refuses" if isinstance(error, _REFUSALS) else "does not answer"
    return DatabaseUnavailable(f"the database {how}: {describe(error)}")


async def waiting(work: Callable[[], Awaitable[T]], seconds: float, note: Callable[[str], None]) -> T:
    """Do the work, and again for `seconds` while the database does not answer; what it refuses is not waited for.

    `note` gets one line when the waiting begins.
    """
    loop = asyncio.get_running_loop()
    end, noted = loop.time() + seconds, False
    while True:
        try:
            return await work()
        except (DatabaseRefused, DatabaseReadOnly):
            raise
        except DatabaseUnavailable as error:
            if loop.time() + WAIT_PAUSE_SECONDS > end:
                raise
            if not noted:
                note(f"{error.detail}: waiting for up to {seconds:.0f} s")
            noted = True
        await asyncio.sleep(WAIT_PAUSE_SECONDS)


def describe(error: BaseException) -> str:
    """Describe the error in one line, without the database's address or password."""
    if isinstance(error, socket.gaierror):
        return "its host name is not known"
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _WRONG_NAME:
            return "its certificate is for another host name than the one in the URL"
        return f"its certificate is not trusted ({error.verify_message}): sslrootcert=FILE names the CA that signed it"
    if isinstance(error, ConnectionError) and _NO_TLS in str(error):  # the text has the address
        return "it does not offer TLS, which sslmode asks for"
    if isinstance(error, ssl.SSLError):  # its numbers are not the system's error numbers
        return f"TLS failed: {getattr(error, 'reason', None) or type(error).__name__}"
    if isinstance(error, OSError):
        return os.strerror(error.errno) if error.errno else why(error)
    return str(error) or why(error)
