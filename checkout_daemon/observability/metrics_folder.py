"""The folder where the metrics of several workers add up: kept while any of them lives, removed by whoever comes last.

Supervisor and workers hold one lock on a file in it, inherited by the fork: the system lets go of it when the last of
them has ended, however it ended. Who then gets the lock knows that the folder is nobody's.
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
# Between making a folder and locking it passes less than this.
_NEW_SECONDS = 60.0
_PROCESS = re.compile(r"_(\d+)\.db$")


@dataclass(frozen=True, slots=True)
class MetricsFolder:
    """`descriptor` holds the lock for this process and the workers it forks."""

    path: Path
    descriptor: int

    def leave(self) -> None:
        """Let go of it at the end of a process, and remove it if no other holds it."""
        os.close(self.descriptor)
        _remove_if_abandoned(self.path)


@contextlib.contextmanager
def shared_metrics() -> Iterator[MetricsFolder]:
    """Make the folder, and remove those that killed daemons left.

    Named in the environment before prometheus-client is first imported: it looks once.
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
    """Remove a folder of ours that no process uses; leave alone whatever cannot be told."""
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
            shutil.rmtree(path, ignore_errors=True)  # of a release that had no lock
    except OSError:  # it is locked, or gone already
        return


def _has_living_process(path: Path) -> bool:
    pids = {int(found[1]) for each in path.iterdir() if (found := _PROCESS.search(each.name))}
    return any(_lives(pid) for pid in pids)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
