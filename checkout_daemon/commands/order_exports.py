"""`checkout orders export`: page by page, so that a million orders take no more memory than a page."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click

from checkout_daemon.commands.order_filters import OrderOptions, order_filter
from checkout_daemon.commands.output import say
from checkout_daemon.commands.progress import Progress
from checkout_daemon.commands.running import with_database
from checkout_daemon.present.text import counted
from checkout_daemon.private_files import publish
from checkout_daemon.services import exporting
from checkout_daemon.settings import Settings
from checkout_daemon.store.database import Database


def export(options: OrderOptions, limit: int | None, form: str, output: Path | None, *, items: bool) -> int:
    now = datetime.now(UTC)

    async def work(database: Database, settings: Settings) -> tuple[int, int]:
        wanted = await order_filter(database, options, now, settings.time_zone)
        orders = rows = 0
        with _opened(output) as file, _progress(output) as progress:
            # Written with the first page: where the database is away, nothing is.
            head = exporting.csv_header(items=items) if form == "csv" else ""
            async for page in exporting.export_orders(database, wanted, limit=limit, items=items):
                lines = exporting.csv_lines(page.rows) if form == "csv" else exporting.json_lines(page.rows)
                file.write(head + lines)
                head = ""
                orders += page.orders
                rows += len(page.rows)
                progress.step(page.orders)
            file.write(head)
        return orders, rows

    orders, rows = with_database(work)
    if output is not None:
        say(counted(orders, "order") + (f", {counted(rows, 'item')}" if items else "") + f" in {output}.")
    return 0


@contextmanager
def _opened(output: Path | None) -> Iterator[TextIO]:
    """Open the output; a file takes its name when it is complete, so that nobody reads half of one."""
    if output is None:
        yield sys.stdout
        sys.stdout.flush()
        return
    if output.exists() and not output.is_file():
        raise click.FileError(str(output), "it is there already and is not a file")
    try:
        with publish(output, replace=True) as new, os.fdopen(os.dup(new), "w", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise click.FileError(str(output), error.strerror) from error


def _progress(output: Path | None) -> Progress:
    return Progress("Orders", shown=output is not None or not sys.stdout.isatty())
