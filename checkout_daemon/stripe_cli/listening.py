"""Keep `stripe listen` running for the daemon's webhook, and fetch the events that it misses.

The CLI forwards each event once and reports no gap: it loses events while its websocket or the daemon is down. So we
compare with Stripe's own list, and merge a missing event as its delivery would have been.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from checkout_daemon.backoff import restarting_listener
from checkout_daemon.database.leases import claim_cursor, read_cursor, save_cursor
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.apply import Applied
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.model.counts import counted
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.events import stripe_time
from checkout_daemon.stripe_cli.listen_secret import keep_sharing
from checkout_daemon.stripe_cli.program import StripeCli, read_output, run_all, started_cli
from checkout_daemon.stripe_sync.backfill import backfill

CHECK_SECONDS = 15.0
PATIENCE_SECONDS = 3.0
"""How long the delivery of an event may still be under way after Stripe lists it."""

_LISTENING = "listen"
_NOTED_FOR = timedelta(minutes=1)
_SENT = re.compile(r"\S+ \S+ +--> (\S+) \[(\w+)\]")
_ANSWERED = re.compile(r"\S+ \S+ +<-- +\[(\d+)\] \w+ \S+ \[(\w+)\]")
_FAILED = re.compile(r"\[ERROR\] (.*)")
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that the CLI forwarded, and the HTTP status of the daemon's response."""

    event_id: str
    type: str
    status: int


@dataclass(frozen=True, slots=True)
class Listener:
    """The callbacks of `listen`: for a delivery, for an event that had to be fetched, and for a message to people."""

    delivered: Callable[[Delivery], None]
    fetched: Callable[[Applied], None]
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Listening:
    """What to listen to. `secret` signs the CLI's deliveries; `options` are more of its flags."""

    forward_to: str
    secret: str
    options: Sequence[str] = ()
    check_seconds: float = CHECK_SECONDS
    patience_seconds: float = PATIENCE_SECONDS


@dataclass(slots=True)
class _State:
    listening: Listening
    listener: Listener
    ready: bool = False  # as the CLI printed since its start
    forwarded: int = 0
    check: asyncio.Event = field(default_factory=asyncio.Event)
    restart: asyncio.Event = field(default_factory=asyncio.Event)
    types: dict[str, str] = field(default_factory=dict)  # of the events under way
    last_message: str = ""


async def listen(runtime: Runtime, cli: StripeCli, listening: Listening, listener: Listener) -> None:
    """Listen until cancelled."""
    state = _State(listening, listener)
    await run_all(
        _supervise(cli, state), _check_for_missed(runtime, state), keep_sharing(runtime.settings, listening.secret)
    )


async def listens(database: Database, now: datetime) -> bool:
    """Return whether a process listens; `now` is by the database's clock."""
    async with database.connection() as connection:
        noted = await read_cursor(connection, _LISTENING)
    return noted is not None and now - noted[1] < _NOTED_FOR


async def _note(database: Database) -> None:
    """Record that this process listens, so that the doctor does not ask for an endpoint."""
    holder = f"{socket.gethostname()}/{os.getpid()}"
    async with database.connection() as connection:
        if await claim_cursor(connection, _LISTENING, holder, _NOTED_FOR) is not None:
            await save_cursor(connection, _LISTENING, holder, "{}", _NOTED_FOR)


async def _supervise(cli: StripeCli, state: _State) -> None:
    """Restart the CLI whenever it ends, sooner if it had worked."""
    arguments = ["listen", "--skip-update", "--events", ",".join(EVENT_TYPES)]
    arguments += ["--forward-to", state.listening.forward_to, *state.listening.options]
    pauses = restarting_listener()
    while True:
        state.ready = False
        state.restart.clear()
        async with started_cli(cli, *arguments) as process:
            code = await _follow(process, state)
        if state.ready:
            pauses.reset()
        wait = pauses.next()
        if code is not None:
            reason = f": {state.last_message}" if state.last_message else ""
            state.listener.say(f"`stripe listen` ended with status {code}{reason}; restarting it in {wait:.1f} s.")
        await asyncio.sleep(wait)


async def _follow(process: asyncio.subprocess.Process, state: _State) -> int | None:
    """Follow the CLI to its end and return its exit status, or return None if it must be restarted while it runs."""
    ended = asyncio.create_task(read_output(process, partial(_handle_line, state)))
    restart = asyncio.create_task(state.restart.wait())
    try:
        await asyncio.wait([ended, restart], return_when=asyncio.FIRST_COMPLETED)
        return ended.result() if ended.done() else None
    finally:
        for task in (ended, restart):
            task.cancel()
        await asyncio.wait([ended, restart])


def _handle_line(state: _State, line: str, stderr: bool) -> None:
    if match := _SENT.match(line):
        event_type, event_id = match.groups()
        state.forwarded += 1
        state.types[event_id] = event_type
        if len(state.types) > _MOST_REMEMBERED:  # answers that never came
            del state.types[next(iter(state.types))]
    elif match := _ANSWERED.match(line):
        status, event_id = match.groups()
        state.listener.delivered(Delivery(event_id, state.types.pop(event_id, "an event"), int(status)))
    elif match := _FAILED.search(line):
        state.listener.say(match.group(1))
    elif stderr and line.startswith("Ready!"):  # the rest of that line is the secret
        if not state.ready:
            state.listener.say(f"Listening for {len(EVENT_TYPES)} types of events, for {state.listening.forward_to}")
        state.ready = True
        state.check.set()  # for events before it was ready
    elif stderr and line.strip() and not line.startswith("Getting ready"):
        state.last_message = line.strip()


async def _check_for_missed(runtime: Runtime, state: _State) -> None:
    """Compare with Stripe's list every few seconds, and as soon as the CLI is ready."""
    listening, listener = state.listening, state.listener
    since: datetime | None = None
    started = monotonic()
    trouble, forwarded_before = "", 0
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(listening.check_seconds):
                await state.check.wait()
        ready, forwarded = state.ready and not state.check.is_set(), state.forwarded
        state.check.clear()
        try:
            began = await stripe_time(runtime.gateway)  # events are listed by Stripe's clock
            since = since or began - timedelta(seconds=monotonic() - started)
            done = await backfill(
                runtime, since, patience_seconds=listening.patience_seconds, on_event=listener.fetched
            )
            await _note(runtime.database)
        except (CheckoutError, OSError) as error:
            if str(error) != trouble:
                trouble = str(error)
                listener.say(f"Cannot look for missed events now: {trouble}")
            continue
        trouble, since = "", began
        # Events forwarded since the last check may be the missing ones: then the daemon failed, not the CLI.
        silent, forwarded_before = forwarded_before == state.forwarded, forwarded
        if done.new and ready and silent:
            listener.say(f"`stripe listen` was silent about {counted(done.new, 'event')}; restarting it.")
            state.restart.set()
