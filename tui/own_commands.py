"""Runs the shell command of an own key. An order's fields are environment variables, never part of the command."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from checkout_daemon.model.orders import Order

from .context import AppContext
from .screens.dialogs import Dialog
from .user_config import OwnKey, order_environment
from .widgets.run_log import RunLog

_SHELL = ("/bin/sh", "-c")
_PIECE = 65_536
_LONGEST_LINE = 2_000
_STOP_SECONDS = 2.0


def _environment(order: Order) -> Mapping[str, str]:
    return os.environ | order_environment(order)


def run_in_terminal(own: OwnKey, order: Order) -> int:
    """Run the command in this terminal, which nothing else draws on meanwhile, and return its exit status.

    After a failure, wait for Enter, so that its last lines can be read.
    """
    # Ctrl-C is for the command. Not ignored: a command would inherit that.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        status = subprocess.run([*_SHELL, own.run], env=_environment(order), check=False).returncode  # noqa: S603
        if status:
            with contextlib.suppress(EOFError):
                input(f"\n{own.name} ended with {status}. Press Enter to go back.")
    finally:
        signal.signal(signal.SIGINT, before)
    return status


class CommandBox(Dialog[None]):
    """Runs the command and shows its output, without anything that a terminal would obey. Leaving stops it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "dismiss", "Close")]
    HINT = "Esc closes, and stops what still runs"

    def __init__(self, context: AppContext, own: OwnKey, order: Order) -> None:
        super().__init__(f"{own.name}: order {order.number}")
        self._own = own
        self._order = order
        self.log_box = RunLog(context, empty=" …")

    def body(self) -> ComposeResult:
        yield self.log_box

    def on_mount(self) -> None:
        self.log_box.focus()
        self._run()

    @work(group="own")
    async def _run(self) -> None:
        process = await asyncio.create_subprocess_exec(
            *_SHELL,
            self._own.run,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment(self._order),
            start_new_session=True,  # what it starts is stopped with it
        )
        assert process.stdout is not None
        ended = False
        try:
            rest = b""
            while piece := await process.stdout.read(_PIECE):
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    self._add(line)
                if len(rest) > _LONGEST_LINE:
                    self._add(rest)
                    rest = b""
            if rest:
                self._add(rest)
            status = await process.wait()
            ended = True
            self.log_box.add(
                "■", "Done" if status == 0 else f"Ended with {status}", "success" if status == 0 else "error"
            )
        finally:
            if not ended:  # the shell itself may have: what it left in the background still writes
                await _stop(process)

    def _add(self, line: bytes) -> None:
        if self.display:
            self.log_box.add("·", line[:_LONGEST_LINE].decode("utf-8", "replace"), "foreground")


async def _stop(process: asyncio.subprocess.Process) -> None:
    """Stop a command and what it has started, in the end by force."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
                return
