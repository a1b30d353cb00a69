"""A real PostgreSQL that runs one statement at a time, by a simulated clock.

While a statement runs, nothing else does, so the server's answers depend only on the sequence of statements. A
statement that waits for a lock is left waiting: it goes on, alone, once a later statement or the end of a session has
freed it.
"""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from time import sleep
from typing import TYPE_CHECKING

from checkout_daemon.dev.postgres import EmbeddedPostgres
from tests.faults.simulation.machine import real_monotonic

if TYPE_CHECKING:
    from tests.faults.simulation.link import Link

SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # it would run by the machine's clock
    "deadlock_timeout": "1ms",  # the session that closes a cycle is the one that finds it
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "1d",
    "shared_buffers": "128MB",
    "track_activities": "off",
}
# Functions of the same names as PostgreSQL's, found first. A transaction's time is that of its first statement.
CLOCK_SQL = """
CREATE SEQUENCE simulated_ids;
CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT pg_catalog.current_setting('simulated.begun')::timestamptz $$;
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE PARALLEL SAFE
    AS $$ SELECT pg_catalog.current_setting('simulated.now')::timestamptz $$;
CREATE FUNCTION gen_random_uuid() RETURNS uuid LANGUAGE sql VOLATILE
    AS $$ SELECT pg_catalog.md5(
        pg_catalog.current_setting('simulated.seed') || pg_catalog.nextval('public.simulated_ids'))::uuid $$;
"""
# The process of a session is another each time, and a new session asks for it, to find out about poolers.
_OWN_PID = re.compile(rb"Q.{4}(SELECT [^\0]*WHERE pid = )\d+", re.DOTALL)
_SOON_SECONDS = 0.003
_LOOK_SECONDS = 0.0002
_LONGEST_SECONDS = 30.0


class Broken(Exception):
    """The simulated database does not behave as the simulation expects."""


class SimulatedPostgres(EmbeddedPostgres):
    """The server: nothing is safe on its disk, and everybody on this machine may connect to its socket."""

    @property
    def socket_path(self) -> str:
        return f"{self._home}/.s.PGSQL.{self.port}"

    async def _make_cluster(self) -> None:
        await super()._make_cluster()
        (self._data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 trust\n", "ascii")


class Wire:
    """A blocking connection to the server."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.received = bytearray()

    def next_message(self, until: float) -> tuple[str, bytes] | None:
        """Return the next message, or None if none came in time. Raise EOFError at the end."""
        while True:
            if len(self.received) >= 5:
                end = 1 + struct.unpack_from("!I", self.received, 1)[0]
                if len(self.received) >= end:
                    message = bytes(self.received[:end])
                    del self.received[:end]
                    return chr(message[0]), message
            left = until - real_monotonic()
            if not select.select([self.socket], [], [], max(left, 0.0))[0]:
                return None
            try:
                data = self.socket.recv(262_144)
            except ConnectionResetError:
                data = b""
            if not data:
                raise EOFError
            self.received += data


class Monitor:
    """A session of the simulation itself, which looks at the server between the statements of the others."""

    def __init__(self, path: str, user: str, database: str) -> None:
        self._wire = Wire(path)
        body = struct.pack("!I", 196608) + f"user\0{user}\0database\0{database}\0\0".encode()
        self._wire.socket.sendall(struct.pack("!I", len(body) + 4) + body)
        self._answer()

    def rows(self, statement: str) -> list[list[str | None]]:
        """Run a statement and return its rows as text."""
        self._wire.socket.sendall(query(statement))
        return self._answer()

    def _answer(self) -> list[list[str | None]]:
        rows: list[list[str | None]] = []
        failure = ""
        while True:
            message = self._wire.next_message(real_monotonic() + _LONGEST_SECONDS)
            if message is None:
                raise Broken("the monitor has no answer")
            kind, data = message
            if kind == "D":
                rows.append(_fields(data))
            elif kind == "E":
                failure = data[5:].replace(b"\0", b" ").decode(errors="replace")
            elif kind == "Z":
                if failure:
                    raise Broken(failure)
                return rows


class Session:
    """The server's end of a link. `status` is I, T or E as the server reports it; `pid` its process."""

    def __init__(self, path: str) -> None:
        self.wire = Wire(path)
        self.pid = 0
        self.status = "startup"
        self.blocked = False
        self.ended = False
        self.midway = False
        """Whether the last answer was not followed by ReadyForQuery: after an error the server skips until a Sync."""
        self.skip = 0
        self.expected = ""
        self.answer = bytearray()


class Postgres:
    """Runs statements for all links, one after the other. `clock` is the time that the server believes in."""

    def __init__(self, path: str, user: str, database: str, clock: Callable[[], str]) -> None:
        self._path = path
        self.clock = clock
        self.monitor = Monitor(path, user, database)
        self.note: Callable[..., None] = lambda *_: None
        self.sessions = 0
        self.statements = 0
        self.lock_waits = 0
        self.blocked: list[Link] = []

    def dial(self) -> Session:
        """Open a session for a link."""
        self.sessions += 1
        return Session(self._path)

    def run(self, link: Link, messages: bytes) -> None:
        """Run messages that are answered together, and send the answer, now or once a lock is free."""
        session = link.server
        self.statements += 1
        self.note("sql", link.number, _OWN_PID.sub(rb"\1", messages) if session.pid else len(messages))
        session.expected = _last_of_answer(messages) if session.pid else "startup"
        if session.status in "IT" and not session.midway:
            now = self.clock()
            setting = f"SET simulated.now = '{now}'"
            if session.status == "I":
                setting += f"; SET simulated.begun = '{now}'"
            messages = query(setting) + messages
            session.skip = 1
        self._stop_others()
        try:
            session.wire.socket.sendall(messages)
        except OSError:
            link.cut()
            return
        if not self._finish(link):
            session.blocked = True
            self.lock_waits += 1
            self.blocked.append(link)
        self._look_at_blocked()

    def end(self, link: Link) -> None:
        """End the session of a link: the server rolls its transaction back before anything else runs."""
        session = link.server
        if session.ended:
            return
        session.ended = True
        if link in self.blocked:
            self.blocked.remove(link)
        self._stop_others()
        if session.pid:
            self._signal(link, signal.SIGTERM)
            self._signal(link, signal.SIGCONT)
            self._await_end(session.pid)
        session.wire.socket.close()
        self._look_at_blocked()

    def cancel(self, pid: int) -> None:
        """Cancel the statement of a session, if it waits for a lock; any other has ended."""
        for link in list(self.blocked):
            if link.server.pid == pid:
                self._stop_others()
                self._signal(link, signal.SIGCONT)
                self.monitor.rows(f"SELECT pg_cancel_backend({pid})")
                self._unblock(link)
                if not self._finish(link, canceled=True):
                    raise Broken("a canceled statement does not end")
                self._look_at_blocked()
                return

    def _stop_others(self) -> None:
        """Stop the processes of sessions that wait for locks: if several are freed at once, they go on in sequence."""
        for link in self.blocked:
            self._signal(link, signal.SIGSTOP)

    def _look_at_blocked(self) -> None:
        """Let sessions go on whose locks are free, one after the other."""
        while True:
            freed = [link for link in self.blocked if not self._waits(link)]
            if not freed:
                for waiting in self.blocked:  # a stopped process would outlive the server if we were killed now
                    self._signal(waiting, signal.SIGCONT)
                break
            link = freed[0]
            self._signal(link, signal.SIGCONT)
            self._unblock(link)
            if not self._finish(link):
                link.server.blocked = True
                self.blocked.append(link)
                self._signal(link, signal.SIGSTOP)
            else:
                link.run_soon()

    def _unblock(self, link: Link) -> None:
        self.blocked.remove(link)
        link.server.blocked = False

    def _waits(self, link: Link) -> bool:
        return self.monitor.rows(f"SELECT cardinality(pg_blocking_pids({link.server.pid}))") != [["0"]]

    @staticmethod
    def _await_end(pid: int) -> None:
        """Wait until a process is gone, and with it its locks."""
        until = real_monotonic() + _LONGEST_SECONDS
        while real_monotonic() < until:
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                return
            sleep(_LOOK_SECONDS)
        raise Broken("a session of the database does not end")

    @staticmethod
    def _signal(link: Link, number: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(link.server.pid, number)

    def _finish(self, link: Link, *, canceled: bool = False) -> bool:
        """Read the rest of an answer and send it. Return False if the statement waits for a lock."""
        session = link.server
        began = real_monotonic()
        try:
            while True:
                message = session.wire.next_message(real_monotonic() + _SOON_SECONDS)
                if message is None:
                    if session.pid and not canceled and self._waits(link):
                        return False
                    if real_monotonic() - began > _LONGEST_SECONDS:
                        raise Broken("a statement neither ends nor waits for a lock")
                    continue
                if self._take(session, *message):
                    break
        except EOFError:
            link.answer(bytes(session.answer))
            session.answer.clear()
            link.cut()
            return True
        answer = bytes(session.answer)
        session.answer.clear()
        self.note("answer", link.number, _without_process_ids(session, answer))
        link.answer(answer)
        return True

    def _take(self, session: Session, kind: str, message: bytes) -> bool:
        """Keep a message for the client, and return whether it is the last of the answer."""
        if session.skip:  # the answer to our own SET
            session.skip -= kind == "Z"
            return False
        if kind == "A":  # a notification: its time depends on the machine
            return False
        session.answer += message
        if kind == "K":
            session.pid = struct.unpack_from("!I", message, 5)[0]
        if kind == "Z":
            session.status, session.midway = chr(message[5]), False
            return True
        if session.expected == "startup":
            return kind == "E"
        session.midway = session.expected == "T"
        return session.midway and kind in "ETn"


def _without_process_ids(session: Session, answer: bytes) -> object:
    """Return what the trace has of an answer: a greeting and the report of a deadlock name processes of the machine."""
    if session.expected == "startup":
        return len(answer)
    return "deadlock" if b"C40P01" in answer else answer


def query(statement: str) -> bytes:
    """Return a message of the simple query protocol."""
    body = statement.encode() + b"\0"
    return b"Q" + struct.pack("!I", len(body) + 4) + body


def _last_of_answer(messages: bytes) -> str:
    """Return which message ends the answer: Z, or with a Flush the description of a statement."""
    return "T" if messages[-5:-4] == b"H" else "Z"


def _fields(data: bytes) -> list[str | None]:
    fields: list[str | None] = []
    place = 7
    for _ in range(struct.unpack_from("!H", data, 5)[0]):
        length = struct.unpack_from("!i", data, place)[0]
        place += 4
        fields.append(None if length < 0 else data[place : place + length].decode())
        place += max(length, 0)
    return fields
