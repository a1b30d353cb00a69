"""Fuzz one target under atheris: `python -m tests.faults.fuzz.harness TARGET [libFuzzer's arguments]`.

It runs in an environment of its own (`.faults/fuzz`), with the project and atheris in it.
"""

from __future__ import annotations

import sys
import time

import atheris  # type: ignore[import-untyped, import-not-found, unused-ignore]

SLOW_SECONDS = 1.0

with atheris.instrument_imports(include=["checkout_daemon"]):
    from tests.faults.fuzz.targets import TARGETS


def main() -> None:
    """Fuzz until libFuzzer's limit; a finding ends the run with a status of its own."""
    target = TARGETS[sys.argv[1]]

    def once(data: bytes) -> None:
        begun = time.process_time()  # not the clock: others may use the machine
        target(data)
        taken = time.process_time() - begun
        if taken > SLOW_SECONDS:
            raise TimeoutError(f"{len(data)} bytes took {taken:.1f} s")

    atheris.Setup([sys.argv[0], *sys.argv[2:]], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
