"""Connect to the host of a database URL; with several hosts, to the one that accepts writes.

asyncpg tries several hosts in turn under one time limit, so a silent first host (no power, a partition, a frozen
server) hides the healthy one after it. Here every host has its own limit, and the next host is tried as soon as the
one before it has failed or has been silent for a moment.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from checkout_daemon.database.connection import settle
from checkout_daemon.database.url_parameters import WRONG_URL, explain, for_asyncpg, parameters
from checkout_daemon.errors import ConfigurationError
from checkout_daemon.urls import schema_of

HOST_SECONDS = 4.0
"""How long one host may take to accept a connection."""
_HEAD_START_SECONDS = 0.3
_DEFAULT_PORT = 5432
_REFUSED = re.compile(r'parameter "(\w{1,63})"')

Host = tuple[str, int]


async def connect(url: str, *, timeout: float = HOST_SECONDS, **options: Any) -> asyncpg.Connection:
    """Open a connection to the URL's host; with several, to the first that accepts writes. `timeout` is per host.

    It finds the tables of the schema that the URL names, unless a pooler is in between; see `use_schema`.

    The URL's `connect_timeout` wins over `timeout`. With several hosts, `target_session_attrs` is read-write unless the
    URL sets it. Raises the error of asyncpg for the host that failed last, and ConfigurationError for a URL that is
    malformed, or has a parameter that is unknown or wrong, or names a file that cannot be read.
    """
    connection = await _connect(url, timeout, options)
    if (schema := schema_of(url)) is not None:
        try:
            await settle(connection, {"search_path": schema})
        except BaseException:
            connection.terminate()
            raise
    return connection


async def _connect(url: str, timeout: float, options: dict[str, Any]) -> asyncpg.Connection:
    hosts = hosts_of(url)
    try:
        address, ours = for_asyncpg(url)
        options = {"timeout": timeout, **options, **ours}
        if len(hosts) < 2:
            return await asyncpg.connect(address, **options)
        if "target_session_attrs" not in parameters(url):
            options = {"target_session_attrs": "read-write", **options}
        return await _first_to_answer(address, hosts, options)
    except (OSError, asyncpg.exceptions.ClientConfigurationError):
        explain(url)
        raise
    except (
        asyncpg.UndefinedObjectError,
        asyncpg.DataError,
        asyncpg.CantChangeRuntimeParamError,
        asyncpg.PostgresSyntaxError,
    ) as error:
        raise ConfigurationError(
            f"DATABASE_URL has a parameter that the server does not accept ({_refused_parameter(error)}): remove it"
        ) from error


def hosts_of(url: str) -> list[Host]:
    """Return the URL's hosts and ports, in order; an empty list if it has none. Raise ConfigurationError."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres"):
            raise ValueError("another scheme")
        query = parse_qs(parts.query, strict_parsing=bool(parts.query))
        names = parts.netloc.rpartition("@")[2]
        ports = query.get("port", [""])[-1] or os.environ.get("PGPORT", "")
        if names:
            return _pairs([unquote(name) for name in names.split(",")], ports)
        names = query.get("host", [""])[-1]
        return _pairs(names.split(","), ports) if names else []
    except ValueError as error:
        raise ConfigurationError(WRONG_URL) from error


def _refused_parameter(error: BaseException) -> str:
    """Return the name of the parameter in the server's message, never its value."""
    found = _REFUSED.search(str(error))
    return found[1] if found else type(error).__name__


def _pairs(names: Sequence[str], ports: str) -> list[Host]:
    split = [_split(name) for name in names]
    given = ports.split(",") if ports else [""]
    if len(given) == 1:
        given *= len(split)
    if len(given) != len(split):
        raise ValueError("the numbers of ports and hosts differ")
    return [(host, _port(port or fallback)) for (host, port), fallback in zip(split, given, strict=True)]


def _split(name: str) -> tuple[str, str]:
    """Split host:port. A host is a name, an address, an address in brackets, or the directory of a socket."""
    if name.startswith("/"):
        return name, ""
    if name.startswith("["):
        host, bracket, port = name[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError("not an address")
        return host, port[1:]
    host, _, port = name.partition(":")
    if not host or ":" in port:
        raise ValueError("no host")
    return host, port


def _port(text: str) -> int:
    port = int(text) if text else _DEFAULT_PORT
    if not 1 <= port <= 65535:
        raise ValueError("not a port")
    return port


async def _first_to_answer(url: str, hosts: Sequence[Host], options: dict[str, Any]) -> asyncpg.Connection:
    """Try the hosts in turn, each with a head start, until one is connected and usable."""
    left = list(hosts)
    under_way: set[asyncio.Task[asyncpg.Connection]] = set()
    failure: BaseException | None = None
    try:
        while left or under_way:
            if left:
                host, port = left.pop(0)
                under_way.add(asyncio.create_task(asyncpg.connect(url, host=host, port=port, **options)))
            done, under_way = await asyncio.wait(
                under_way,
                timeout=_HEAD_START_SECONDS if left else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            chosen: asyncpg.Connection | None = None
            for task in done:
                if (error := task.exception()) is not None:
                    failure = _more_useful(failure, error)
                elif chosen is None:
                    chosen = task.result()
                else:
                    task.result().terminate()
            if chosen is not None:
                return chosen
    finally:
        for task in under_way:
            task.cancel()
            task.add_done_callback(_drop)
    assert failure is not None
    raise failure


def _more_useful(before: BaseException | None, error: BaseException) -> BaseException:
    """Return the error of a server rather than a timeout or "no host fits"."""
    if isinstance(before, asyncpg.PostgresError) and not isinstance(error, asyncpg.PostgresError):
        return before
    return error


def _drop(task: asyncio.Task[asyncpg.Connection]) -> None:
    """Close a connection that was opened too late; ignore any other outcome."""
    if not task.cancelled() and task.exception() is None:
        task.result().terminate()
