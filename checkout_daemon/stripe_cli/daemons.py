"""Find the daemons that run on a state directory, to make them reload their secrets.

Each daemon holds a lock on a file that contains its process id. The system releases the lock however the daemon dies,
so a process id that was given to another program is never mistaken for a daemon.
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


@contextmanager
def announced(state_dir: Path) -> Iterator[None]:
    """Announce this daemon, which must handle SIGHUP, during the block. Without a state directory, do nothing."""
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
    """Return the process ids of the daemons that run on the state directory."""
    holders = [_holder(path) for path in sorted(state_dir.glob("daemon-*.pid"))]
    return [pid for pid in holders if pid is not None]


def reload_secrets(state_dir: Path) -> None:
    """Send SIGHUP to every daemon of the state directory."""
    for pid in running(state_dir):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGHUP)


def _holder(path: Path) -> int | None:
    """Return the process id of the lock's holder, or None. Remove the file of a daemon that died."""
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
