"""Measure how long help and completion take, compared with the imports that they cannot avoid.

`checkout --help` and the completion of commands and options may take 1.6 times `python -c "import click"`. The
completion of order numbers may take 1.5 times `python -c "import click, asyncpg"`, plus one query with its connection,
which is measured as well. Medians of interleaved rounds, on a database of 20,000 orders.

    .venv/bin/python -m bench.startup [--rounds 25]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import asyncpg

from bench.support.cluster import make_state_dir
from checkout_daemon.database.migrations import migrate
from checkout_daemon.dev.postgres import EmbeddedPostgres
from checkout_daemon.orders.order_numbers import newest_numbers

CHECKOUT = str(Path(sys.executable).parent / "checkout")
CLICK = 'python -c "import click"'
ASYNCPG = 'python -c "import click, asyncpg"'
QUERY = "one query"
HELP = "checkout --help"
COMMANDS = "checkout ord<Tab>"
OPTIONS = "checkout orders list --st<Tab>"
NUMBERS = "checkout orders show 21<Tab>"
# What is measured, what it is compared with, and the ratio that it may have.
BUDGETS = ((HELP, CLICK, 1.6), (COMMANDS, CLICK, 1.6), (OPTIONS, CLICK, 1.6), (NUMBERS, ASYNCPG, 1.5))
ORDERS = """
INSERT INTO orders (id, currency, amount_subtotal, amount_discount, amount_total, customer_name, customer_email,
                    customer_phone, livemode)
SELECT gen_random_uuid(), 'usd', 1, 0, 1, 'N', 'n@example.com', '+15555550123', false FROM generate_series(1, 20000)
"""


def completion(words: str) -> dict[str, str]:
    """Return the variables with which a shell asks for the completion of these words."""
    return {
        "_CHECKOUT_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }


def wall(command: list[str], environ: dict[str, str], expected: str = "") -> float:
    """Return the seconds that a command takes. Exit if it does not print what is expected."""
    started = time.perf_counter()
    ran = subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - started
    if expected not in ran.stdout:
        raise SystemExit(f"{command} {environ.get('COMP_WORDS', '')}: {expected!r} is missing in {ran.stdout!r}")
    return seconds


async def query(url: str) -> float:
    """Return the seconds that the query for order numbers takes, with its connection."""
    started = time.perf_counter()
    await newest_numbers(url, "21", 50)
    return time.perf_counter() - started


async def one_round(url: str, seconds: dict[str, list[float]]) -> None:
    """Measure everything once."""
    python, database = sys.executable, {"DATABASE_URL": url}
    seconds[CLICK].append(wall([python, "-c", "import click"], {}))
    seconds[HELP].append(wall([CHECKOUT, "--help"], {}, "orders"))
    seconds[COMMANDS].append(wall([CHECKOUT], completion("checkout ord"), "orders"))
    seconds[OPTIONS].append(wall([CHECKOUT], completion("checkout orders list --st"), "--status"))
    seconds[ASYNCPG].append(wall([python, "-c", "import click, asyncpg"], {}))
    seconds[QUERY].append(await query(url))
    seconds[NUMBERS].append(wall([CHECKOUT], completion("checkout orders show 21") | database, "plain,21000"))


async def main(rounds: int) -> bool:
    """Measure and print. Return whether all budgets are met."""
    state = make_state_dir()
    server = EmbeddedPostgres(state)
    await server.start()
    seconds: dict[str, list[float]] = {name: [] for name in (CLICK, ASYNCPG, QUERY, HELP, COMMANDS, OPTIONS, NUMBERS)}
    try:
        await migrate(server.url())
        connection = await asyncpg.connect(server.url())
        await connection.execute(ORDERS)
        await connection.execute("ANALYZE orders")
        await connection.close()
        await one_round(server.url(), {name: [] for name in seconds})  # reads the programs from disk
        for _ in range(rounds):
            await one_round(server.url(), seconds)
    finally:
        await server.stop()
        shutil.rmtree(state, ignore_errors=True)
    return report({name: statistics.median(times) for name, times in seconds.items()})


def report(seconds: dict[str, float]) -> bool:
    """Print the medians, and return whether all budgets are met."""
    kept = True
    for name in (CLICK, ASYNCPG, QUERY):
        print(f"{name:34} {1000 * seconds[name]:6.0f} ms")
    for name, base, most in BUDGETS:
        own = seconds[name] - (seconds[QUERY] if name == NUMBERS else 0)
        ratio = own / seconds[base]
        kept = kept and ratio <= most
        verdict = "ok" if ratio <= most else "OVER BUDGET"
        print(f"{name:34} {1000 * seconds[name]:6.0f} ms  {ratio:5.2f} of {most} times {base}: {verdict}")
    return kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    sys.exit(not asyncio.run(main(parser.parse_args().rounds)))
