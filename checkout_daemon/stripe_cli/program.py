"""The official Stripe CLI: where its native binary is, and how it is run so that it disturbs nothing of the user's.

It gets our key, a configuration folder of its own, and no telemetry. It also asks GitHub for its newest version, and
waits: with a Stripe on this machine it gets a proxy that refuses at once, so that a dead network costs nothing.
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

Heard = Callable[[str, bool], None]
"""Told of each line as it comes, and whether it came on stderr."""

_IN_NODE_MODULES = "frontend/node_modules/@stripe/cli-*/bin/stripe*"
_CONFIG = "stripe-cli"
_REFUSES_AT_ONCE = "http://127.0.0.1:9"
_OURS = ("STRIPE_", "DATABASE_", "CHECKOUT_")
_STOP_SECONDS = 3.0
_LONGEST_LINE = 8 << 20  # `events resend` prints a whole event in one


class CliMissing(CheckoutError):
    code = "cli_missing"
    title = "The Stripe CLI is not installed"


class CliStuck(CheckoutError):
    code = "cli_stuck"
    title = "The Stripe CLI did not end"


@dataclass(frozen=True, slots=True)
class Finished:
    """A run of the CLI that has ended."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True)
class StripeCli:
    """How to run it. `base` is None for Stripe itself, else an address on this machine, as the CLI takes it."""

    path: Path
    api_key: str = field(repr=False)
    base: str | None
    config_dir: Path

    def command(self, *arguments: str) -> list[str]:
        return [str(self.path), *arguments, *(["--api-base", self.base] if self.base else [])]

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        silent = {"HTTPS_PROXY": _REFUSES_AT_ONCE, "https_proxy": _REFUSES_AT_ONCE} if self.base else {}
        return {
            **kept,
            **silent,
            "STRIPE_API_KEY": self.api_key,
            "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
            "XDG_CONFIG_HOME": str(self.config_dir),
        }


@contextmanager
def open_stripe_cli(settings: Settings) -> Iterator[StripeCli]:
    """Set up the CLI for the settings' Stripe in a folder of ours. Raises CliMissing and ConfigurationError."""
    path, looked = find_stripe_cli(settings.stripe_cli)
    key = settings.require_stripe_api_key()
    base = cli_base(settings.stripe_api_base)
    if path is None:
        raise CliMissing(
            f"the Stripe CLI is not found ({looked}); name its native binary in STRIPE_CLI, or install it: "
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
    """Return the CLI of STRIPE_CLI, else `stripe` on PATH, else the storefront's; and why none was found."""
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
    """The one command that installs it here."""
    if any((root / "frontend/package-lock.json").is_file() for root in _roots()):
        return "npm --prefix frontend ci"
    return "npm install -g @stripe/cli"


def cli_base(api_base: str) -> str | None:
    """Return the value of --api-base, None for Stripe. Raises ConfigurationError for what the CLI cannot talk to.

    It takes http on 127.0.0.0/8 and [::1] only, and `localhost` not at all.
    """
    if api_base == STRIPE_API_BASE:
        return None
    parts = urlsplit(api_base)
    host = parts.hostname or ""
    if parts.scheme != "http" or not (host in ("localhost", "::1") or host.startswith("127.")):
        raise ConfigurationError(
            f"STRIPE_API_BASE is {api_base}: the Stripe CLI talks to Stripe itself or to an offline Stripe on this "
            "machine (http://127.0.0.1:PORT) and to nothing else"
        )
    host = "127.0.0.1" if host == "localhost" else host
    return http_url(host, parts.port or 80)


async def run_cli(cli: StripeCli, *arguments: str, timeout_seconds: float, hear: Heard = lambda *_: None) -> Finished:
    """Run it to its end and hear its lines meanwhile. Raises CliStuck when that takes too long; it is stopped then."""
    said: dict[bool, list[str]] = {False: [], True: []}

    def keep(line: str, stderr: bool) -> None:
        said[stderr].append(line)
        hear(line, stderr)

    try:
        async with asyncio.timeout(timeout_seconds), started_cli(cli, *arguments) as process:
            code = await hear_out(process, keep)
    except TimeoutError as error:
        raise CliStuck(f"`stripe {' '.join(arguments[:2])}` did not end in {timeout_seconds:.0f} s") from error
    return Finished(code, "\n".join(said[False]), "\n".join(said[True]))


@asynccontextmanager
async def started_cli(cli: StripeCli, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A run of it that is stopped, whatever happens, at the end of the block."""
    process = await asyncio.create_subprocess_exec(
        *cli.command(*arguments),
        env=cli.environment(),
        cwd=cli.config_dir,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        start_new_session=True,  # Ctrl-C in the terminal is for us, who stop it in order
    )
    try:
        yield process
    finally:
        await _stop(process)


async def hear_out(process: asyncio.subprocess.Process, hear: Heard) -> int:
    """Hear every line until it ends; its exit status."""
    assert process.stdout is not None
    assert process.stderr is not None
    await together(_hear(process.stdout, False, hear), _hear(process.stderr, True, hear))
    return await process.wait()


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Do all of them; the first that fails ends the others, and its error is raised as it is, not in a group."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _hear(stream: asyncio.StreamReader, stderr: bool, hear: Heard) -> None:
    while line := await stream.readline():
        hear(line.decode(errors="replace").rstrip("\r\n"), stderr)


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
    process._transport.close()  # type: ignore[attr-defined]  # nothing else closes pipes that were read in part


def _roots() -> tuple[Path, ...]:
    return (Path.cwd(), Path(checkout_daemon.__file__).parent.parent)


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
