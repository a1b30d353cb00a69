"""One `checkout dev` per state directory: a lock that the system releases when its holder dies, even by kill -9."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from checkout_daemon.errors import CheckoutError
from checkout_daemon.private_files import open_private

LOCK = "dev.lock"


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock that this process holds."""

    handle: int
    holder_was_killed: bool  # the previous one

    def note(self, address: str) -> None:
        """Write our process id and address into the lock file, for the error that a second `checkout dev` shows."""
        os.ftruncate(self.handle, 0)
        os.pwrite(self.handle, f"pid {os.getpid()}, {address}\n".encode(), 0)


@contextmanager
def hold_lock(state_dir: Path) -> Iterator[Lock]:
    """Hold the lock during the block. Raise CheckoutError with process id and address if another process holds it."""
    handle = open_private(state_dir / LOCK)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(handle, 500).decode(errors="replace").strip()
            raise CheckoutError(
                f"another `checkout dev` is running on {state_dir} ({holder}): "
                "use it, stop it, or choose another --state-dir"
            ) from error
        lock = Lock(handle, holder_was_killed=os.fstat(handle).st_size > 0)
        lock.note("starting")
        yield lock
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)
