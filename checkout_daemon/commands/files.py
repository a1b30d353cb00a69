"""Read a command's input from a file or stdin, and write its output to a file that appears once it is complete."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

import click


def read_input(path: Path) -> str:
    """Return the text of a file, or of stdin if its name is -. Raise UsageError for what is not UTF-8."""
    is_stdin = str(path) == "-"
    try:
        if is_stdin and isinstance(sys.stdin, TextIOWrapper):
            sys.stdin.reconfigure(encoding="utf-8", errors="strict")  # whatever the locale is
        text = sys.stdin.read() if is_stdin else path.read_text(encoding="utf-8")
        return text.removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        name, fix = ("stdin", "pipe UTF-8 into it") if is_stdin else (path, "save the file as UTF-8")
        raise click.UsageError(f"{name} is not UTF-8 text: {fix}") from error


@contextmanager
def opened_output(output: Path | None, *, force: bool) -> Iterator[TextIO]:
    """Open the output. A file appears under its name only once it is complete, so that nobody reads half of it."""
    import os

    from checkout_daemon.private_files import publish

    if output is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    if output.exists() and not output.is_file():
        raise click.FileError(str(output), "it exists and is not a file")
    if output.exists() and not force:
        raise click.UsageError(f"{output} exists and is not overwritten: name another file, or add --force")
    try:
        with publish(output, replace=True) as new, os.fdopen(os.dup(new), "w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise click.FileError(str(output), error.strerror) from error
