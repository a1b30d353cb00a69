"""An event loop whose time is simulated: it goes from one thing that is due to the next, without waiting.

What runs belongs to a simulated process, which may die between any two steps of its tasks, or stand still.
"""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import traceback
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass, field
from itertools import count
from typing import Any

_IDLE = ("_deactivate_inactive_connection",)
"""Timers of connections that nobody uses. What leaps pass over would have used them all the time."""
_IDLE_SECONDS = 300.0


class Stuck(Exception):
    """Nothing is due and nothing is ready: the simulation waits for something that never comes."""


@dataclass(eq=False)
class Process:
    """A process of the simulated world. `skew` is how far the clock of its machine is ahead of the right time."""

    name: str
    number: int
    skew: float = 0.0
    dead: bool = False
    frozen_until: float = 0.0
    deaths_in: int | None = None
    """After so many more steps it is killed."""
    tasks: dict[int, asyncio.Task[Any]] = field(default_factory=dict)
    """The tasks that are not done. They stay referenced after its death: a killed process cleans nothing up."""
    connections: dict[int, Any] = field(default_factory=dict)
    held_back: list[Any] = field(default_factory=list)
    when_dead: Callable[[], None] | None = None


class _Handle(asyncio.Handle):
    __slots__ = ("process",)
    process: Process


class _Timer(asyncio.TimerHandle):
    __slots__ = ("name", "process")
    process: Process
    name: str


_task_numbers = count(1)


class _Future(asyncio.Future[Any]):
    """A future whose place in a set does not depend on its address."""

    def __init__(self, *, loop: SimulatedLoop) -> None:
        super().__init__(loop=loop)
        self.number = next(_task_numbers)

    def __hash__(self) -> int:
        return self.number


class _Task(asyncio.Task[Any]):
    def __init__(self, coroutine: Coroutine[Any, Any, Any], *, loop: SimulatedLoop, **more: Any) -> None:
        self.number = next(_task_numbers)
        self.process = loop.current
        super().__init__(coroutine, loop=loop, **more)

    def __hash__(self) -> int:
        return self.number


class SimulatedLoop(asyncio.BaseEventLoop):
    """The loop, and the clocks that the programs in it read."""

    def __init__(self, began_at: float) -> None:
        super().__init__()
        self.began_at = began_at
        self.world = Process("world", 1)
        self.current = self.world
        self.processes: list[Process] = [self.world]
        self.steps = 0
        self.in_flight = 0
        """Messages on their way. While there are any, time does not leap."""
        self.network: Any = None
        self.unhandled: list[str] = []
        self.trace_file: Any = None
        """Where to write the trace, to compare two runs of a seed."""
        self._now = 0.0
        self._leap_to: float | None = None
        self._timers: list[tuple[float, int, _Timer]] = []
        self._numbers = count(1)
        self._ready: deque[_Handle | _Timer] = deque()
        self._trace = hashlib.blake2b(digest_size=16)
        self.set_task_factory(self._make_task)
        self.set_exception_handler(self._unhandled)

    # What the programs see

    def time(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._now

    def wall(self) -> float:
        return self.began_at + self._now + self.current.skew

    def pid(self) -> int:
        return self.current.number

    def host(self) -> str:
        return self.current.name

    # Processes

    def process(self, name: str) -> Process:
        """Return a new process."""
        made = Process(name, len(self.processes) + 1)
        self.processes.append(made)
        return made

    def start(self, process: Process, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine as a process."""
        before, self.current = self.current, process
        try:
            return self.create_task(coroutine)
        finally:
            self.current = before

    def kill(self, process: Process) -> None:
        """End a process at once. Nothing of it runs any more; its connections are reset."""
        if process.dead:
            return
        self.note("killed", process.name)
        process.dead = True
        process.held_back.clear()
        self.network.reset_all(process)
        if process.when_dead is not None:
            before, self.current = self.current, self.world
            process.when_dead()
            self.current = before

    def freeze(self, process: Process, seconds: float) -> None:
        """Let a process stand still, as SIGSTOP or a paused machine does."""
        self.note("frozen", process.name, seconds)
        process.frozen_until = self._now + seconds
        self.call_as(self.world, seconds, self._thaw, process)

    def _thaw(self, process: Process) -> None:
        if process.frozen_until <= self._now and not process.dead:
            self._ready.extend(process.held_back)
            process.held_back.clear()

    # Time

    def leap(self, seconds: float) -> None:
        """Let this much time pass at once, as soon as no message is on its way. Timers due meanwhile run late."""
        self._leap_to = self._now + seconds

    def call_as(self, process: Process, delay: float, callback: Callable[..., Any], *args: Any) -> asyncio.TimerHandle:
        """Call something as a process after a delay."""
        before, self.current = self.current, process
        try:
            return self.call_at(self._now + delay, callback, *args)
        finally:
            self.current = before

    def note(self, *parts: object) -> None:
        """Add to the trace what happens now."""
        line = repr((round(self._now, 9), self.current.number, *parts)).encode()
        self._trace.update(line)
        if self.trace_file is not None:
            self.trace_file.write(line + b"\n")

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()

    # What asyncio asks of a loop

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> asyncio.Handle:  # type: ignore[override]
        handle = _Handle(callback, args, self, context)
        # Another process may have done what a task waits for: an operator's command that a move has started.
        task = getattr(callback, "__self__", None)
        handle.process = task.process if type(task) is _Task else self.current
        self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Any, *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> asyncio.TimerHandle:  # type: ignore[override]
        timer = _Timer(when, callback, args, self, context)
        timer.name = getattr(callback, "__name__", "")
        timer.process = self.current
        heapq.heappush(self._timers, (when, next(self._numbers), timer))
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Leave it where it is: it is skipped when it is due."""

    def create_future(self) -> asyncio.Future[Any]:
        return _Future(loop=self)

    def _make_task(self, loop: Any, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        task = _Task(coroutine, loop=self, **more)
        tasks = self.current.tasks
        tasks[task.number] = task
        task.add_done_callback(lambda done: tasks.pop(done.number, None))
        return task

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Do it now: a thread would run beside the simulation."""
        future = self.create_future()
        try:
            result = func(*args)
        except Exception as error:  # noqa: BLE001 - it is the caller's
            self.call_soon(self._settle, future, None, error)
        else:
            self.call_soon(self._settle, future, result, None)
        return future

    @staticmethod
    def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
        if not future.done():
            future.set_result(result) if error is None else future.set_exception(error)

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **more: Any) -> Any:
        sock = more.get("sock")
        return await self.network.connect(protocol_factory, port if sock is None else sock.port)

    async def create_unix_connection(self, protocol_factory: Any, path: Any = None, **more: Any) -> Any:
        return await self.network.connect_database(protocol_factory)

    async def getaddrinfo(self, host: Any, port: Any, **more: Any) -> Any:
        return [(2, 1, 6, "", ("127.0.0.1", port))]

    def _unhandled(self, loop: Any, context: dict[str, Any]) -> None:
        # What a killed process held is tidied up by nobody; Python says so when it frees it.
        if "unclosed" not in context["message"].lower() and not self.current.dead:
            error = context.get("exception")
            where = "" if error is None else "".join(traceback.format_exception(error)[-3:])
            self.unhandled.append(f"{self.current.name}: {context['message']}: {where}")

    # Running

    def _run_once(self) -> None:
        ready = self._ready
        if not ready:
            self._advance()
        for _ in range(len(ready)):
            handle = ready.popleft()
            process = handle.process
            if handle._cancelled or process.dead:
                continue
            if process.frozen_until > self._now:
                process.held_back.append(handle)
                continue
            if process.deaths_in is not None:
                process.deaths_in -= 1
                if process.deaths_in <= 0:
                    self.kill(process)
                    continue
            self.current = process
            self.steps += 1
            handle._run()
        self.current = self.world

    def _advance(self) -> None:
        """Go to the next moment at which something is due."""
        timers = self._timers
        while timers and (timers[0][2]._cancelled or timers[0][2].process.dead):
            heapq.heappop(timers)
        if not timers:
            raise Stuck("nothing is due")
        now = max(self._now, timers[0][0])
        leapt = self._leap_to is not None and not self.in_flight
        if leapt:
            now, self._leap_to = max(self._now, self._leap_to or 0.0), None
        self._now = now
        while timers and timers[0][0] <= now:
            timer = heapq.heappop(timers)[2]
            if timer._cancelled:
                continue
            if leapt and timer.name in _IDLE:
                heapq.heappush(timers, (now + _IDLE_SECONDS, next(self._numbers), timer))
            else:
                self._ready.append(timer)

    def _process_events(self, event_list: Any) -> None:
        """There are none: nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nothing waits for it."""
