"""Create files and directories that only their owner can read, from the first byte on and never through a link."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from checkout_daemon.errors import ConfigurationError

_LOG_BYTES = 5_000_000
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)  # from file systems without hard links
_NEW = os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def create_private(path: Path) -> int:
    """Create a file that does not exist yet, mode 0600, and return its descriptor, open for writing.

    Raise FileExistsError, also for a dangling link: nobody else may choose where our bytes go.
    """
    descriptor = os.open(path, os.O_RDWR | _NEW, 0o600)
    os.fchmod(descriptor, 0o600)  # a default ACL of the directory may have widened the mode
    return descriptor


def open_private(path: Path, flags: int = os.O_RDWR) -> int:
    """Open a file of this user, or create it with mode 0600, and return its descriptor.

    Raise ConfigurationError for a link, for anything but a regular file, and for another user's file.
    """
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if path.is_symlink():
            raise ConfigurationError(f"{path} is a link, which is not followed: remove it") from error
        raise
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_nlink > 1:
        os.close(descriptor)
        raise ConfigurationError(f"{path} is not a file of this user's own: remove it")
    os.fchmod(descriptor, 0o600)
    os.set_blocking(descriptor, True)
    return descriptor


def write_private(path: Path, text: str) -> None:
    """Replace the file atomically, readable by its owner only. Readers see the old text or the new, never a mix."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp: mode 0600, O_EXCL, O_NOFOLLOW
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


@contextmanager
def publish(path: Path, *, replace: bool) -> Iterator[int]:
    """Yield the descriptor of a new private file, which is renamed to `path` at the end of the block.

    So `path` never names a half-written file. Without `replace`, raises FileExistsError if `path` exists.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    part = Path(name)
    try:
        yield descriptor
        os.fsync(descriptor)
        if not os.path.samestat(os.fstat(descriptor), part.lstat()):
            raise FileExistsError(errno.EEXIST, "another user replaced the file", str(path))
        if replace:
            part.replace(path)
        else:
            _take_free_name(part, path)
    finally:
        os.close(descriptor)
        part.unlink(missing_ok=True)


def _take_free_name(part: Path, path: Path) -> None:
    try:
        os.link(part, path)  # unlike rename, fails if the name exists, even as a link
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(create_private(path))
        part.replace(path)


def make_private_directory(path: Path) -> None:
    """Create the directory with mode 0700, or check that no other user can write to an existing one.

    Raise ConfigurationError, also if it cannot be created.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"the directory {path} cannot be created: {error.strerror}") from error
    if fault := fault_of_ownership(path):
        raise ConfigurationError(fault)


def fault_of_ownership(path: Path) -> str | None:
    """Return why other users may have written to the path, or None. Root and the caller of sudo are trusted."""
    found = path.stat()
    us = os.geteuid()
    trusted = {us, 0}
    if us == 0 and os.environ.get("SUDO_UID", "").isdigit():
        trusted.add(int(os.environ["SUDO_UID"]))
    if found.st_uid not in trusted:
        return (
            f"{path} belongs to another user (uid {found.st_uid}), who could change its contents: "
            f"run as that user, or choose another state directory"
        )
    if found.st_mode & 0o002:
        return f"{path} can be changed by every user of this machine: chmod o-w {path}"
    return None


def open_log(path: Path) -> BinaryIO:
    """Open a log for appending, mode 0600. A long one is renamed to `NAME.1` first."""
    try:
        if path.lstat().st_size > _LOG_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
    except FileNotFoundError:
        pass
    file = os.fdopen(open_private(path, os.O_WRONLY | os.O_APPEND), "ab")
    file.seek(0, os.SEEK_END)
    return file


def keep_text(text: str, name: str) -> str:
    """Keep a text in a new temporary file that only its owner can read, and return the file's path."""
    handle, path = tempfile.mkstemp(prefix=f"{name}-", suffix=".txt")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return path
