"""The folder in which several workers add up their metrics. The last of them removes it.

Supervisor and workers hold one lock on a file in it, inherited by the fork. The system releases the lock when the last
process has ended, however it ended, so whoever gets the lock then knows that nobody uses the folder.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checkout_daemon.observability.metrics import MULTIPROCESS_DIRECTORY

_PREFIX = "checkout-metrics-"
_LOCK = "lock"
# More than enough time between creating a folder and locking it.
_NEW_SECONDS = 60.0
_PROCESS = re.compile(r"_(\d+)\.db$")


@dataclass(frozen=True, slots=True)
class MetricsFolder:
    """A folder in use. `descriptor` holds the lock for this process and the workers it forks."""

    path: Path
    descriptor: int

    def leave(self) -> None:
        """Release the folder at the end of a process, and remove it if no other process uses it."""
        os.close(self.descriptor)
        _remove_if_abandoned(self.path)


@contextlib.contextmanager
def shared_metrics() -> Iterator[MetricsFolder]:
    """Create the folder, and remove those that killed daemons left.

    Set the environment variable before prometheus-client is first imported, which reads it only then.
    """
    for found in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        _remove_if_abandoned(found)
    path = Path(tempfile.mkdtemp(prefix=_PREFIX))
    descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    os.environ[MULTIPROCESS_DIRECTORY] = str(path)
    folder = MetricsFolder(path, descriptor)
    try:
        yield folder
    finally:
        folder.leave()


def _remove_if_abandoned(path: Path) -> None:
    """Remove a folder of ours that no process uses; keep it if that cannot be determined."""
    try:
        status = path.lstat()
        if not path.is_dir() or path.is_symlink() or status.st_uid != os.geteuid():
            return
        if (path / _LOCK).exists():
            descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)
        elif time.time() - status.st_mtime > _NEW_SECONDS and not _has_living_process(path):
            shutil.rmtree(path, ignore_errors=True)  # from a release without the lock
    except OSError:  # it is locked, or already removed
        return


def _has_living_process(path: Path) -> bool:
    pids = {int(found[1]) for file in path.iterdir() if (found := _PROCESS.search(file.name))}
    return any(_lives(pid) for pid in pids)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
