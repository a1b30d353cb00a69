"""Run a command on a terminal of its own, as an operator does: Ctrl-C reaches it as a signal of the terminal."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

_ROOT = Path(__file__).parents[2]
_SECONDS = 60.0
# The terminal must control the program's session, or Ctrl-C is only a character.
_PROGRAM = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); import cli; cli.main()"


class PseudoTerminal:
    """A terminal with a program on it. `written` is what the terminal shows so far."""

    def __init__(self, process: subprocess.Popen[bytes], master: int, slave: int) -> None:
        self._process, self._master, self._slave = process, master, slave
        self._modes = self.modes
        self.written = ""

    @property
    def modes(self) -> list[Any]:
        """How the terminal treats what is typed."""
        return termios.tcgetattr(self._slave)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def until(self, text: str) -> None:
        """Wait until the text is shown."""
        deadline = monotonic() + _SECONDS
        while text not in self.written:
            assert monotonic() < deadline, self.written
            assert self._process.poll() is None or self._readable(), self.written
            self._read()

    def end(self) -> int:
        """Wait for the program's end and return its exit code. The terminal must be as it was before."""
        deadline = monotonic() + _SECONDS
        while self._process.poll() is None or self._readable():
            assert monotonic() < deadline, self.written
            self._read()
        assert self.modes == self._modes
        return self._process.returncode

    def _readable(self) -> bool:
        return bool(select.select([self._master], [], [], 0.05)[0])

    def _read(self) -> None:
        if self._readable():
            self.written += os.read(self._master, 65_536).decode(errors="replace")


@contextmanager
def on_terminal(*arguments: object, environ: Mapping[str, str], cwd: Path) -> Iterator[PseudoTerminal]:
    """Start a command on a terminal, and kill it at the end of the block if it still runs."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, *map(str, arguments)],
        stdin=slave, stdout=slave, stderr=slave, cwd=cwd, start_new_session=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(_ROOT), "TERM": "xterm-256color", **environ},
    )  # fmt: skip
    try:
        yield PseudoTerminal(process, master, slave)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)
        os.close(slave)
