"""Keeps `stripe listen` running for the daemon's webhook, and fetches what does not come through it.

The CLI forwards each event once and reports no gap: while its websocket or the daemon is away, events are lost to it.
So what came is compared with Stripe's own list, and what is missing is merged as a delivery would have been.
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
from time import monotonic

from checkout_daemon.backoff import restarting_listener
from checkout_daemon.database.cursors import claim_cursor, read_cursor, save_cursor
from checkout_daemon.database.pool import Database
from checkout_daemon.errors import CheckoutError
from checkout_daemon.ledger.apply import Applied
from checkout_daemon.ledger.event_types import EVENT_TYPES
from checkout_daemon.runtime import Runtime
from checkout_daemon.stripe_api.events import stripe_time
from checkout_daemon.stripe_cli.listen_secret import keep_known
from checkout_daemon.stripe_cli.program import StripeCli, hear_out, started_cli, together
from checkout_daemon.stripe_sync.backfill import backfill

CHECK_SECONDS = 15.0
PATIENCE_SECONDS = 3.0
"""How long after an event was listed its delivery may still be under way."""

_LISTENING = "listen"
_NOTED_FOR = timedelta(minutes=1)
_SENT = re.compile(r"\S+ \S+ +--> (\S+) \[(\w+)\]")
_ANSWERED = re.compile(r"\S+ \S+ +<-- +\[(\d+)\] \w+ \S+ \[(\w+)\]")
_FAILED = re.compile(r"\[ERROR\] (.*)")
_MOST_REMEMBERED = 1000


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that the CLI has forwarded, and the daemon's answer."""

    event_id: str
    type: str
    status: int


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told: each delivery, each event that had to be fetched, and a sentence where something happens."""

    delivered: Callable[[Delivery], None]
    fetched: Callable[[Applied], None]
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Listening:
    """What is listened to. `secret` is what the CLI's deliveries are signed with; `options` are more of its flags."""

    forward_to: str
    secret: str
    options: Sequence[str] = ()
    check_seconds: float = CHECK_SECONDS
    patience_seconds: float = PATIENCE_SECONDS


@dataclass(slots=True)
class _State:
    ready: bool = False  # the CLI has said so since it was started
    heard: int = 0  # events that the CLI told of
    look: asyncio.Event = field(default_factory=asyncio.Event)
    restart: asyncio.Event = field(default_factory=asyncio.Event)
    types: dict[str, str] = field(default_factory=dict)  # of the events under way
    last_words: str = ""


async def listen(runtime: Runtime, cli: StripeCli, listening: Listening, listener: Listener) -> None:
    """Until it is cancelled."""
    state = _State()
    await together(
        _supervise(cli, listening, listener, state),
        _watch(runtime, listening, listener, state),
        keep_known(runtime.settings, listening.secret),
    )


async def listens(database: Database, now: datetime) -> bool:
    """Whether somebody listens; `now` by the database's clock."""
    async with database.connection() as connection:
        noted = await read_cursor(connection, _LISTENING)
    return noted is not None and now - noted[1] < _NOTED_FOR


async def _note(database: Database) -> None:
    """That somebody listens, so that the doctor does not ask for an endpoint."""
    holder = f"{socket.gethostname()}/{os.getpid()}"
    async with database.connection() as connection:
        if await claim_cursor(connection, _LISTENING, holder, _NOTED_FOR) is not None:
            await save_cursor(connection, _LISTENING, holder, "{}", _NOTED_FOR)


async def _supervise(cli: StripeCli, listening: Listening, listener: Listener, state: _State) -> None:
    """Start the CLI again whenever it ends, sooner where it had worked."""
    arguments = ["listen", "--skip-update", "--events", ",".join(EVENT_TYPES), "--forward-to", listening.forward_to]
    pauses = restarting_listener()
    while True:
        state.ready = False
        state.restart.clear()
        async with started_cli(cli, *arguments, *listening.options) as process:
            code = await _heard_to_its_end(process, listening, listener, state)
        if state.ready:
            pauses.reset()
        wait = pauses.next()
        if code is not None:
            said = f": {state.last_words}" if state.last_words else ""
            listener.say(f"`stripe listen` ended with status {code}{said}; again in {wait:.1f} s.")
        await asyncio.sleep(wait)


async def _heard_to_its_end(
    process: asyncio.subprocess.Process, listening: Listening, listener: Listener, state: _State
) -> int | None:
    """Its exit status; None where it shall be started again though it runs."""

    def hear(line: str, stderr: bool) -> None:
        _hear(line, stderr, listening, listener, state)

    ended = asyncio.create_task(hear_out(process, hear))
    restart = asyncio.create_task(state.restart.wait())
    try:
        await asyncio.wait([ended, restart], return_when=asyncio.FIRST_COMPLETED)
        return ended.result() if ended.done() else None
    finally:
        for task in (ended, restart):
            task.cancel()
        await asyncio.wait([ended, restart])


def _hear(line: str, stderr: bool, listening: Listening, listener: Listener, state: _State) -> None:
    if match := _SENT.match(line):
        event_type, event_id = match.groups()
        state.heard += 1
        state.types[event_id] = event_type
        if len(state.types) > _MOST_REMEMBERED:  # answers that never came
            del state.types[next(iter(state.types))]
    elif match := _ANSWERED.match(line):
        status, event_id = match.groups()
        listener.delivered(Delivery(event_id, state.types.pop(event_id, "an event"), int(status)))
    elif match := _FAILED.search(line):
        listener.say(match.group(1))
    elif stderr and line.startswith("Ready!"):  # the rest of that line is the secret
        if not state.ready:
            listener.say(f"Listening for {len(EVENT_TYPES)} types of events, for {listening.forward_to}")
        state.ready = True
        state.look.set()  # for what happened before
    elif stderr and line.strip() and not line.startswith("Getting ready"):
        state.last_words = line.strip()


async def _watch(runtime: Runtime, listening: Listening, listener: Listener, state: _State) -> None:
    """Compare with Stripe's list, at once after each start of the CLI and every few seconds."""
    since: datetime | None = None
    started = monotonic()
    trouble, heard_before = "", 0
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(listening.check_seconds):
                await state.look.wait()
        ready, heard = state.ready and not state.look.is_set(), state.heard
        state.look.clear()
        try:
            began = await stripe_time(runtime.gateway)  # by whose clock events are listed
            since = since or began - timedelta(seconds=monotonic() - started)
            done = await backfill(
                runtime, since, patience_seconds=listening.patience_seconds, on_event=listener.fetched
            )
            await _note(runtime.database)
        except (CheckoutError, OSError) as error:
            if str(error) != trouble:
                trouble = str(error)
                listener.say(f"What was missed cannot be told now: {trouble}")
            continue
        trouble, since = "", began
        # What it told of since the last look may be what was missing: then the daemon is to blame, not the CLI.
        silent, heard_before = heard_before == state.heard, heard
        if done.new and ready and silent:
            listener.say(f"`stripe listen` was silent about {done.new} events; starting it again.")
            state.restart.set()
