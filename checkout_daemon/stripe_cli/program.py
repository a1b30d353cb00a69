"""Find and run the official Stripe CLI without touching the user's own set-up of it.

It gets our key, its own configuration directory, and no telemetry. It also asks GitHub for its newest version and waits
for the answer: with a Stripe on this machine it gets a proxy that refuses at once, so that no network is waited for.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import checkout_daemon
from checkout_daemon.errors import CheckoutError, ConfigurationError
from checkout_daemon.private_files import make_private_directory
from checkout_daemon.settings import STRIPE_API_BASE, Settings
from checkout_daemon.urls import http_url

OnLine = Callable[[str, bool], None]
"""Called with each line as it is printed, and whether it was printed to stderr."""

_IN_NODE_MODULES = "frontend/node_modules/@stripe/cli-*/bin/stripe*"
_CONFIG = "stripe-cli"
_REFUSES_AT_ONCE = "http://127.0.0.1:9"
_OURS = ("STRIPE_", "DATABASE_", "CHECKOUT_")
_STOP_SECONDS = 3.0
_LONGEST_LINE = 8 << 20  # `events resend` prints a whole event in one


class CliMissing(CheckoutError):
    """The Stripe CLI was not found; the message has where it was looked for and how to install it."""

    code = "cli_missing"
    title = "The Stripe CLI is not installed"


class CliStuck(CheckoutError):
    """A run of the Stripe CLI took too long and was stopped."""

    code = "cli_stuck"
    title = "The Stripe CLI did not end"


@dataclass(frozen=True, slots=True)
class Finished:
    """The exit status and output of a run of the CLI."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class StripeCli:
    """How to run the CLI. `base` is its --api-base: an address on this machine, or None for Stripe itself."""

    path: Path
    api_key: str = field(repr=False)
    base: str | None
    config_dir: Path


@contextmanager
def open_stripe_cli(settings: Settings) -> Iterator[StripeCli]:
    """Set up the CLI for the Stripe of the settings. Raise CliMissing and ConfigurationError."""
    path, reason = find_stripe_cli(settings.stripe_cli)
    key = settings.require_stripe_api_key()
    base = cli_base(settings.stripe_api_base)
    if path is None:
        raise CliMissing(
            f"the Stripe CLI is not found ({reason}): set STRIPE_CLI to its native binary, or install it: "
            f"{install_command()}"
        )
    if settings.state_dir.is_dir():
        config_dir = settings.state_dir / _CONFIG
        make_private_directory(config_dir)
        yield StripeCli(path.absolute(), key, base, config_dir)
    else:
        with tempfile.TemporaryDirectory(prefix="checkout-stripe-cli-") as directory:
            yield StripeCli(path.absolute(), key, base, Path(directory))


def find_stripe_cli(chosen: Path | None) -> tuple[Path | None, str]:
    """Return STRIPE_CLI, else `stripe` on PATH, else the storefront's CLI; or None and why none was found."""
    if chosen:
        return (chosen if _runs(chosen) else None), f"STRIPE_CLI names {chosen}, which cannot be run"
    if on_path := shutil.which("stripe"):
        return Path(on_path), ""
    for root in _roots():
        for path in sorted(root.glob(_IN_NODE_MODULES)):
            if _runs(path):
                return path, ""
    return None, "STRIPE_CLI is not set, and it is neither on PATH nor in frontend/node_modules"


def install_command() -> str:
    """Return the command that installs the Stripe CLI here."""
    if any((root / "frontend/package-lock.json").is_file() for root in _roots()):
        return "npm --prefix frontend ci"
    return "npm install -g @stripe/cli"


def cli_base(api_base: str) -> str | None:
    """Return the value of --api-base, or None for Stripe itself. Raise ConfigurationError for any other address.

    The CLI accepts only http on 127.0.0.0/8 and [::1], and not `localhost`.
    """
    if api_base == STRIPE_API_BASE:
        return None
    parts = urlsplit(api_base)
    host = parts.hostname or ""
    if parts.scheme != "http" or not (host in ("localhost", "::1") or host.startswith("127.")):
        raise ConfigurationError(
            f"STRIPE_API_BASE is {api_base}: the Stripe CLI can only use Stripe itself, or an offline Stripe on this "
            "machine (http://127.0.0.1:PORT)"
        )
    host = "127.0.0.1" if host == "localhost" else host
    return http_url(host, parts.port or 80)


async def run_cli(
    cli: StripeCli, *arguments: str, timeout_seconds: float, on_line: OnLine = lambda *_: None
) -> Finished:
    """Run the CLI to its end. Raise CliStuck, and stops it, if that takes too long."""
    printed: dict[bool, list[str]] = {False: [], True: []}

    def record(line: str, stderr: bool) -> None:
        printed[stderr].append(line)
        on_line(line, stderr)

    try:
        async with asyncio.timeout(timeout_seconds), started_cli(cli, *arguments) as process:
            code = await read_output(process, record)
    except TimeoutError as error:
        raise CliStuck(f"`stripe {' '.join(arguments[:2])}` did not finish within {timeout_seconds:.0f} s") from error
    return Finished(code, "\n".join(printed[False]), "\n".join(printed[True]))


@asynccontextmanager
async def started_cli(cli: StripeCli, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start the CLI, and stop it at the end of the block if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(str(cli.path), *arguments, *(["--api-base", cli.base] if cli.base else [])),
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith(_OURS)},
            **({"HTTPS_PROXY": _REFUSES_AT_ONCE, "https_proxy": _REFUSES_AT_ONCE} if cli.base else {}),
            "STRIPE_API_KEY": cli.api_key,
            "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
            "XDG_CONFIG_HOME": str(cli.config_dir),
        },
        cwd=cli.config_dir,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        start_new_session=True,  # Ctrl-C in the terminal reaches only us, and we stop the CLI in order
    )
    try:
        yield process
    finally:
        await _stop(process)


async def read_output(process: asyncio.subprocess.Process, on_line: OnLine) -> int:
    """Read every line until the process ends, and return its exit status."""
    assert process.stdout is not None
    assert process.stderr is not None
    await run_all(_read_lines(process.stdout, False, on_line), _read_lines(process.stderr, True, on_line))
    return await process.wait()


async def run_all(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all of them. The first that fails cancels the others, and its error is raised itself, not in a group."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _read_lines(stream: asyncio.StreamReader, stderr: bool, on_line: OnLine) -> None:
    while line := await stream.readline():
        on_line(line.decode(errors="replace").rstrip("\r\n"), stderr)


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    process._transport.close()  # type: ignore[attr-defined]  # nothing else closes partly read pipes


def _roots() -> tuple[Path, ...]:
    return (Path.cwd(), Path(checkout_daemon.__file__).parent.parent)


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
