"""Take clocks, process ids and randomness of this process from a simulation. Import this before the product's modules.

Modules that say `from time import monotonic` keep what they imported, so the functions are replaced once, here, and
look at the simulation of the moment. Without one they are the machine's.
"""

from __future__ import annotations

import ctypes
import gc
import os
import random
import socket
import time
from datetime import UTC, datetime, tzinfo
from typing import Protocol


class Moment(Protocol):
    """What a simulation says about the process that runs now."""

    def monotonic(self) -> float: ...
    def wall(self) -> float: ...
    def pid(self) -> int: ...
    def host(self) -> str: ...


class _Machine:
    moment: Moment | None = None
    chance = random.Random(0)


_real = {"monotonic": time.monotonic, "time": time.time, "perf_counter": time.perf_counter}
_real_urandom, _real_pid, _real_host = os.urandom, os.getpid, socket.gethostname

real_monotonic = time.monotonic


def use(moment: Moment | None, seed: int = 0) -> None:
    """Take everything from this simulation from now on, or from the machine again."""
    _Machine.moment = moment
    _Machine.chance = random.Random(f"bytes {seed}")
    random.seed(f"product {seed}")


def _monotonic() -> float:
    moment = _Machine.moment
    return _real["monotonic"]() if moment is None else moment.monotonic()


def _perf_counter() -> float:
    moment = _Machine.moment
    return _real["perf_counter"]() if moment is None else moment.monotonic()


def _time() -> float:
    moment = _Machine.moment
    return _real["time"]() if moment is None else moment.wall()


def _time_ns() -> int:
    return round(_time() * 1e6) * 1000


def _urandom(size: int) -> bytes:
    return _real_urandom(size) if _Machine.moment is None else _Machine.chance.randbytes(size)


def _getpid() -> int:
    moment = _Machine.moment
    return _real_pid() if moment is None else moment.pid()


def _gethostname() -> str:
    moment = _Machine.moment
    return _real_host() if moment is None else moment.host()


def _now(cls: type[datetime], tz: tzinfo | None = None) -> datetime:
    return cls.fromtimestamp(round(_time(), 6), tz)


def _utcnow(cls: type[datetime]) -> datetime:
    return cls.fromtimestamp(round(_time(), 6), UTC).replace(tzinfo=None)


def _install() -> None:
    time.monotonic, time.time, time.perf_counter, time.time_ns = _monotonic, _time, _perf_counter, _time_ns
    os.urandom, os.getpid, socket.gethostname = _urandom, _getpid, _gethostname
    random._urandom = _urandom  # type: ignore[attr-defined]
    # The type is written in C and cannot be assigned to, but the dictionary behind its attributes can.
    attributes = gc.get_referents(datetime.__dict__)[0]
    attributes["now"], attributes["utcnow"] = classmethod(_now), classmethod(_utcnow)
    ctypes.pythonapi.PyType_Modified(ctypes.py_object(datetime))


_install()
