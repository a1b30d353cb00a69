"""Clocks of running programs that a test can move: libfaketime reads an offset from a file."""

from __future__ import annotations

from pathlib import Path

from tests.faults.report import MissingPackage

_PLACES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/local/lib/faketime/libfaketime.so.1")


class Clock:
    """A clock that processes started with `environ` use."""

    def __init__(self, file: Path) -> None:
        """Begin at the machine's time. Raises MissingPackage if libfaketime is not installed."""
        found = [path for place in _PLACES for path in Path("/").glob(place.lstrip("/"))]
        if not found:
            raise MissingPackage("libfaketime was not found: apt-get install faketime")
        self._library = found[0]
        self._file = file
        self.set(0)

    @property
    def environ(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",
            # Timers and timeouts use the monotonic clock, which no administrator can set wrong.
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset_seconds: float) -> None:
        """Move the clock to the machine's time plus this offset."""
        self.offset_seconds = offset_seconds
        written = self._file.with_suffix(".new")
        written.write_text(f"{offset_seconds:+.0f}\n", encoding="ascii")
        written.chmod(0o644)
        written.replace(self._file)
