"""The fault points of a process, generated: between all round trips to the database, before and after network calls.

Nothing in the product knows of them. The methods through which asyncpg, aiohttp and aiosmtplib talk to the network are
wrapped, so whatever the product comes to do over them is counted as well. The point before a statement is the point
after the one before it: nothing outside of the process can tell them apart.
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
from collections.abc import Callable
from typing import Any

_TRIPS = ("query", "bind_execute", "bind_execute_many", "bind", "execute", "copy_in", "copy_out")
"""The methods of asyncpg's protocol that have the server do something; the others prepare and forget statements."""
_OF_ASYNCPG = ("typeinfo_tree", "set_config('jit'")
_BLANKS = re.compile(r"\s+")
_COMMENT = re.compile(r"--[^\n]*")


class Points:
    """The points passed so far. At the point number `stop_at`, from 0, this process gets the signal."""

    def __init__(self, stop_at: int | None, number: int) -> None:
        self.names: list[str] = []
        self._stop_at = stop_at
        self._signal = number

    def passed(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) - 1 == self._stop_at:
            os.kill(os.getpid(), self._signal)

    def install(self) -> None:
        """Wrap every way out of this process. There is no way back: the process ends with it."""
        import aiohttp
        import aiosmtplib
        from aiosmtplib.protocol import SMTPProtocol
        from asyncpg.protocol import Protocol

        from checkout_daemon.audit import anchors

        self.passed("the start")
        for trip in _TRIPS:
            self._wrap(Protocol, trip, _statement, before=False)
        # The answer's head has arrived then, so the effect has happened, and nobody has read its body.
        self._wrap(aiohttp.ClientSession, "_request", lambda args: f"{args[0].upper()} {_path(str(args[1]))}")
        self._wrap(aiosmtplib.SMTP, "connect", lambda args: "smtp connect")
        self._wrap_plain(SMTPProtocol, "write", lambda args: f"smtp {_line(args[0])}")
        self._wrap(SMTPProtocol, "read_response", lambda args: "smtp answer")
        self._wrap_plain(anchors, "_append", lambda args: "file of anchors", method=False)

    def _wrap(
        self, owner: Any, name: str, describe: Callable[[tuple[Any, ...]], str | None], *, before: bool = True
    ) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        async def wrapped(this: Any, *args: Any, **kwargs: Any) -> Any:
            described = describe((*args, *kwargs.values()) or ("",))
            if before:
                self.passed(f"before {described}")
                # A connection with TLS takes several turns of the event loop: whoever was frozen for long learns that
                # the time of the call is over before anything is sent.
                for _ in range(2):
                    await asyncio.sleep(0)
            result = await original(this, *args, **kwargs)
            if described is not None:
                self.passed(f"after {described}")
            return result

        setattr(owner, name, wrapped)

    def _wrap_plain(
        self, owner: Any, name: str, describe: Callable[[tuple[Any, ...]], str], *, method: bool = True
    ) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            described = describe(args[1:] if method else args)
            self.passed(f"before {described}")
            result = original(*args, **kwargs)
            self.passed(f"after {described}")
            return result

        setattr(owner, name, wrapped)


def _statement(args: tuple[Any, ...]) -> str | None:
    """Return the beginning of a statement, given as text or prepared. None: asyncpg itself asks about a type."""
    text = args[0] if isinstance(args[0], str) else str(getattr(args[0], "query", ""))
    if any(mark in text for mark in _OF_ASYNCPG):
        return None
    return _BLANKS.sub(" ", _COMMENT.sub("", text)).strip()[:60]


def _path(url: str) -> str:
    return re.sub(r"[0-9a-zA-Z_-]{17,}", "…", "/" + url.split("//", 1)[-1].partition("/")[2].partition("?")[0])


def _line(data: bytes) -> str:
    """Return an SMTP command without its argument, or "mail" for the text of one."""
    return data.split(None, 1)[0].decode("ascii", "replace")[:8] if len(data) < 200 else "mail"
