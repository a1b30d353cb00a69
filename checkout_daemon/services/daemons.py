"""Which daemons run on a state directory, so that they can be told to read their secrets again.

Each holds a lock on a file with its process id in it. The system lifts the lock when its holder dies, however it dies,
so that a process id that is used again is never taken for a daemon.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.private_files import open_private

_NAMES = "daemon-*.pid"


@contextmanager
def announced(state_dir: Path) -> Iterator[None]:
    """Be found for the block. Enter it when SIGHUP is handled. Where there is no state directory nobody looks."""
    path = state_dir / f"daemon-{os.getpid()}.pid"
    try:
        handle = open_private(path)
    except (OSError, ConfigurationError):
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def running(state_dir: Path) -> list[int]:
    """The process ids of the daemons that run on the state directory."""
    holders = [_holder(path) for path in sorted(state_dir.glob(_NAMES))]
    return [pid for pid in holders if pid is not None]


def have_secrets_read_again(state_dir: Path) -> list[int]:
    """Send SIGHUP to every daemon of the state directory; their process ids."""
    told = []
    for path in sorted(state_dir.glob(_NAMES)):
        pid = _holder(path)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGHUP)
                told.append(pid)
    return told


def _holder(path: Path) -> int | None:
    """Who holds the lock; the file of one that died is removed."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(handle, 20, 0).decode(errors="replace").strip()
        return int(text) if text.isdigit() else None
    else:
        path.unlink(missing_ok=True)
        return None
    finally:
        os.close(handle)
