"""The files that `checkout dev` keeps in the state directory: private ones, written whole, and logs."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import BinaryIO

_LOG_BYTES = 5_000_000


def write_private(path: Path, text: str) -> None:
    """Replace the file atomically; only its owner may read it. A reader sees the old text or the new, never half."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mkstemp: mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def open_log(path: Path) -> BinaryIO:
    """Open for appending, mode 0600; a long one is put aside as `NAME.1` first."""
    try:
        if path.stat().st_size > _LOG_BYTES:
            path.replace(path.with_name(f"{path.name}.1"))
    except FileNotFoundError:
        pass
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    file = os.fdopen(handle, "ab")
    file.seek(0, os.SEEK_END)
    return file


def log_tail(path: Path, begin: int = 0, *, lines: int = 12) -> str:
    """The last lines written after byte `begin`."""
    with path.open("rb") as file:
        file.seek(max(begin, path.stat().st_size - 16_384))
        text = file.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-lines:])
