"""What the terminal remembers from one start to the next: its theme, the last screen, and the looks of its lists."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.private_files import make_private_directory, write_private

_MOST_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Remembered:
    """Names of a theme and of a screen; empty if there is nothing to remember.

    `sorts` and `columns` are those chosen for lists, by the name of the screen.
    """

    theme: str = ""
    screen: str = ""
    sorts: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)


def memory_path(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the file, as the XDG Base Directory Specification has it; a relative path there is ignored."""
    base = Path(environ.get("XDG_STATE_HOME") or "")
    if not base.is_absolute():
        base = Path(environ.get("HOME") or "/nonexistent") / ".local" / "state"
    return base / "checkout-daemon" / "terminal.json"


def recall(path: Path) -> tuple[Remembered, str]:
    """Return what is remembered, and why it could not be read if so, or an empty text."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            return Remembered(), f"{path} is too long to be what the terminal wrote: it is ignored"
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return Remembered(), ""
    except (OSError, ValueError, RecursionError) as error:
        return Remembered(), f"{path} cannot be read and is ignored: {error}"
    memory = _read(found)
    return (Remembered(), f"{path} is not what the terminal wrote: it is ignored") if memory is None else (memory, "")


def _read(found: Any) -> Remembered | None:
    """Return what a JSON document holds, or None if the terminal has not written it."""
    if not isinstance(found, dict):
        return None
    names = [found.get(name, "") for name in ("theme", "screen")]
    sorts, columns = (found.get(name, {}) for name in ("sorts", "columns"))
    if not _are_texts(names) or not isinstance(sorts, dict) or not isinstance(columns, dict):
        return None
    lists = columns.values()
    if not _are_texts(sorts.values()) or not all(isinstance(one, list) and _are_texts(one) for one in lists):
        return None
    return Remembered(names[0], names[1], sorts, {place: tuple(one) for place, one in columns.items()})


def _are_texts(values: Iterable[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def remember(path: Path, memory: Remembered) -> None:
    """Write what is to be remembered. A home that cannot be written to is no reason to fail."""
    with suppress(OSError, ConfigurationError):
        make_private_directory(path.parent)
        write_private(path, json.dumps(asdict(memory)) + "\n")
