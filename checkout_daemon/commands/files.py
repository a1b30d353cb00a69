"""Write a command's output to a file that appears once it is complete, or to stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click


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
