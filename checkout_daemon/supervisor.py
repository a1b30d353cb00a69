"""The parent of several workers: starts them, restarts those that die, forwards signals, and stops them with itself."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from checkout_daemon import systemd
from checkout_daemon.backoff import Pauses, restarting_worker

log = logging.getLogger(__name__)

# A worker that ran this long did not fail at start-up.
SETTLED_SECONDS = 10.0
# A little more than a worker allows itself.
STOP_SECONDS = 9.8

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)


@dataclass(slots=True)
class _Slot:
    """A slot for one worker. `start_at` is when to start it, by the monotonic clock; None while it runs."""

    index: int
    start_at: float | None = 0.0
    pid: int = 0
    started_at: float = 0.0
    pauses: Pauses = field(default_factory=restarting_worker)


class Supervisor:
    """Supervises forked workers. `work(index, parent_pipe)` returns the exit code; the pipe ends when we die."""

    def __init__(
        self,
        count: int,
        work: Callable[[int, int], int],
        *,
        drain_seconds: float,
        parent_pipe: int | None,
        on_hangup: Callable[[], None],
        on_stop: Callable[[], None],
        on_death: Callable[[int], None],
        alive_seconds: float | None = None,
    ) -> None:
        self._slots = [_Slot(index) for index in range(count)]
        self._work = work
        self._drain_seconds = drain_seconds
        self._parent_pipe = parent_pipe
        self._on_hangup = on_hangup
        self._on_stop = on_stop
        self._on_death = on_death
        self._alive_seconds = alive_seconds
        self._alive_at = 0.0
        # Only we hold the write end: it closes when we die, even by kill -9.
        self._alive_read, self._alive_write = os.pipe()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)

    def run(self, on_started: Callable[[], None]) -> int:
        """Run until SIGTERM, SIGINT or the end of our own parent, stop all workers, and return 0."""
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in _SIGNALS:
            signal.signal(number, lambda *_: None)  # the number arrives through the pipe
        self._start_due()
        on_started()
        while (asked := self._should_stop()) is None:
            self._reap()
            self._start_due()
        log.info("stopping %d workers", sum(1 for slot in self._slots if slot.pid))
        self._on_stop()
        self._stop(asked)
        return 0

    def _should_stop(self) -> signal.Signals | None:
        """Wait for the next signal or until a worker is due, and return the signal to stop the workers with, if any."""
        due = [slot.start_at for slot in self._slots if slot.start_at is not None]
        if (alive_at := self._tell_alive()) is not None:
            due.append(alive_at)
        timeout = max(0.0, min(due) - time.monotonic()) if due else None
        pipes = [self._wake_read] if self._parent_pipe is None else [self._wake_read, self._parent_pipe]
        readable, _, _ = select.select(pipes, [], [], timeout)
        if self._parent_pipe in readable and not os.read(self._parent_pipe, 4096):
            log.warning("the parent process has died: stopping")
            return signal.SIGINT
        numbers = os.read(self._wake_read, 4096) if self._wake_read in readable else b""
        if signal.SIGHUP in numbers:
            self._on_hangup()
            self._send(signal.SIGHUP)
        return _stopped_by(numbers)

    def _tell_alive(self) -> float | None:
        """Tell systemd that we work, if it is due, and return when it is due again; None if nobody asks."""
        if self._alive_seconds is None:
            return None
        now = time.monotonic()
        if now >= self._alive_at:
            systemd.notify(systemd.ALIVE)
            self._alive_at = now + self._alive_seconds
        return self._alive_at

    def _start_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.start_at is None or slot.start_at > now:
                continue
            try:
                slot.pid = self._fork(slot.index)
            except OSError as error:  # too many processes, or too little memory
                pause = slot.pauses.next()
                slot.start_at = now + pause
                log.error("worker %d cannot be started (%s); trying again in %.1f s", slot.index, error.strerror, pause)
            else:
                slot.start_at, slot.started_at = None, now

    def _fork(self, index: int) -> int:
        for stream in (sys.stdout, sys.stderr):  # the worker would write what is in their buffers again
            with contextlib.suppress(OSError):
                stream.flush()
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            for descriptor in (self._alive_write, self._wake_read, self._wake_write):
                os.close(descriptor)
            if self._parent_pipe is not None:
                os.close(self._parent_pipe)
            code = self._work(index, self._alive_read)
        except BaseException:
            log.exception("worker %d ended", index)
        finally:
            logging.shutdown()
            os._exit(code)  # never return into the parent's code

    def _reap(self) -> None:
        for slot in self._slots:
            if not slot.pid:
                continue
            pid, status = os.waitpid(slot.pid, os.WNOHANG)
            if not pid:
                continue
            now = time.monotonic()
            if now - slot.started_at >= SETTLED_SECONDS:
                slot.pauses.reset()
            pause = slot.pauses.next()
            slot.pid, slot.start_at = 0, now + pause
            self._on_death(pid)
            code = os.waitstatus_to_exitcode(status)
            how = f"killed by signal {-code}" if code < 0 else f"exit status {code}"
            log.error("worker %d died (%s); restarting it in %.1f s", pid, how, pause)

    def _send(self, number: signal.Signals) -> None:
        for slot in self._slots:
            if slot.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(slot.pid, number)

    def _stop(self, number: signal.Signals) -> None:
        """Stop the workers: at once by SIGINT, also a later one; by SIGTERM after their drain."""
        self._send(number)
        deadline = time.monotonic() + STOP_SECONDS + (self._drain_seconds if number == signal.SIGTERM else 0.0)
        while self._running():
            if time.monotonic() >= deadline:
                log.error("killing the workers that do not stop")
                self._send(signal.SIGKILL)
                deadline = float("inf")
            # SIGCHLD wakes us; if it came before the wait, its number is already in the pipe.
            self._tell_alive()
            readable, _, _ = select.select([self._wake_read], [], [], max(0.0, min(deadline - time.monotonic(), 1.0)))
            if readable and _stopped_by(os.read(self._wake_read, 4096)):
                self._send(signal.SIGINT)
                deadline = min(deadline, time.monotonic() + STOP_SECONDS)

    def _running(self) -> bool:
        for slot in self._slots:
            if slot.pid and os.waitpid(slot.pid, os.WNOHANG)[0]:
                self._on_death(slot.pid)
                slot.pid = 0
        return any(slot.pid for slot in self._slots)


def _stopped_by(numbers: bytes) -> signal.Signals | None:
    """Return which of these signals asks to stop, the more urgent one if both do."""
    return next((number for number in (signal.SIGINT, signal.SIGTERM) if number in numbers), None)
