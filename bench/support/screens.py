"""Real `checkout tui` processes in pseudo-terminals, and what they draw."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import struct
import sys
import termios
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.support.paper import Paper

ROWS, COLUMNS = 24, 80
PATIENCE_SECONDS = 30.0


@dataclass
class Screen:
    """A terminal that another process draws on. `seen` is called with what it shows, after each change."""

    pid: int
    master: int
    seen: Callable[[str, float], None] = lambda *_: None
    paper: Paper = field(default_factory=Paper)
    received: int = 0  # bytes

    def begin(self) -> None:
        """Start to read what is drawn."""
        os.set_blocking(self.master, False)
        asyncio.get_running_loop().add_reader(self.master, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self.master, 1 << 20)
        except (BlockingIOError, OSError):
            return
        now = time.perf_counter()
        self.received += len(data)
        self.paper.feed(data)
        self.seen(self.paper.text, now)

    def press(self, keys: bytes) -> None:
        """Send keys to the program."""
        os.write(self.master, keys)

    async def shows(self, text: str) -> float:
        """Wait until the text is drawn, and return when that was. Raise TimeoutError."""
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while text not in self.paper.text:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{text!r} is not in\n{self.paper.text}")
            await asyncio.sleep(0.002)
        return time.perf_counter()

    async def end(self) -> None:
        """Quit the program and wait for its end."""
        self.press(b"\x03")
        deadline = time.perf_counter() + PATIENCE_SECONDS
        while psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE and time.perf_counter() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        os.waitpid(self.pid, 0)  # noqa: ASYNC222 - it has ended
        asyncio.get_running_loop().remove_reader(self.master)
        os.close(self.master)


def open_terminal(
    url: str, directory: Path, size: tuple[int, int] = (ROWS, COLUMNS), *, standby: str | None = None
) -> Screen:
    """Start `checkout tui` in a new pseudo-terminal of so many rows and columns, which reads from a standby if any."""
    pid, master = pty.fork()
    if pid == 0:
        os.chdir(directory)
        environ = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "DATABASE_URL": url, "LANG": "C.UTF-8"}
        environ |= {} if standby is None else {"DATABASE_READ_URL": standby}
        environ["XDG_STATE_HOME"] = "/dev/null"  # so that no start continues where another one ended
        os.execve(sys.executable, [sys.executable, "-P", "-m", "checkout_daemon", "tui"], environ)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    screen = Screen(pid, master)
    screen.begin()
    return screen
