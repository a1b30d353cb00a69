"""The official Stripe CLI, run against a sandbox on loopback, silent towards every other host."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass
from pathlib import Path

import pytest

from checkout_daemon.settings import load_settings
from checkout_daemon.stripe_cli.program import find_stripe_cli

KEY = "sk_test_offline0123456789"
_NO_API_BASE = ("--help", "--version")


@dataclass(frozen=True, slots=True)
class Ran:
    """How a run of the CLI ended."""

    code: int
    stdout: str
    stderr: str


def cli_path() -> Path:
    """The CLI's native binary; without one the test fails, and says how to get it."""
    path, looked = find_stripe_cli(load_settings().stripe_cli)
    if path is None:
        pytest.fail(f"The Stripe CLI is missing ({looked}). Install it with: cd frontend && npm ci")
    return path


def cli_environment(config_dir: Path, **more: str) -> dict[str, str]:
    """What the CLI needs to leave the network, telemetry and the user's configuration alone."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "SYSTEMROOT", "TMPDIR")}
    return {
        **kept,
        "HOME": str(config_dir),
        "XDG_CONFIG_HOME": str(config_dir),
        "STRIPE_API_KEY": KEY,
        "STRIPE_CLI_TELEMETRY_OPTOUT": "1",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        **more,
    }


def cli_command(*arguments: str, base: str) -> list[str]:
    """The command line; `base` is the sandbox's address, on 127.0.0.1, which is the only one the CLI accepts."""
    local = any(each in _NO_API_BASE for each in arguments)
    return [str(cli_path()), *arguments, *([] if local or not base else ["--api-base", base.rstrip("/")])]


async def run_cli(*arguments: str, base: str, config_dir: Path, seconds: float = 20.0, **environment: str) -> Ran:
    """Run it to its end; raises TimeoutError, with the CLI killed, if that takes longer."""
    process = await asyncio.create_subprocess_exec(
        *cli_command(*arguments, base=base),
        env=cli_environment(config_dir, **environment),
        cwd=config_dir,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(seconds):
            stdout, stderr = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return Ran(process.returncode or 0, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


async def start_cli(*arguments: str, base: str, config_dir: Path, **environment: str) -> asyncio.subprocess.Process:
    """One that runs until `stop_cli`, such as `listen`; read what it prints from its pipes."""
    return await asyncio.create_subprocess_exec(
        *cli_command(*arguments, base=base),
        env=cli_environment(config_dir, **environment),
        cwd=config_dir,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def stop_cli(process: asyncio.subprocess.Process, seconds: float = 5.0) -> int:
    """Ask it to end, kill it if it does not, and give its exit code."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(seconds):
            await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0


async def supported_triggers(config_dir: Path) -> list[str]:
    """The names of every event that `stripe trigger` knows, as its own help lists them."""
    ran = await run_cli("trigger", "--help", base="", config_dir=config_dir)
    assert ran.code == 0, ran.stderr
    _, _, listed = ran.stdout.partition("Supported events:\n")
    names = listed.partition("\n\n")[0].split()
    assert names, ran.stdout
    return names
