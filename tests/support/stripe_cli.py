"""Run the official Stripe CLI against a sandbox on loopback, without contact to any other host."""

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
    """The exit status and output of a run of the CLI."""

    code: int
    stdout: str
    stderr: str


def cli_path() -> Path:
    """Return the CLI's native binary, or fail the test with how to install it."""
    path, reason = find_stripe_cli(load_settings().stripe_cli)
    if path is None:
        pytest.fail(f"The Stripe CLI is missing ({reason}). Install it with: cd frontend && npm ci")
    return path


def cli_environment(config_dir: Path, **more: str) -> dict[str, str]:
    """Return an environment in which the CLI uses no network, telemetry or configuration of the user."""
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
    """Return the command line. `base` is the sandbox's address on 127.0.0.1, the only host that the CLI accepts."""
    local = any(argument in _NO_API_BASE for argument in arguments)
    return [str(cli_path()), *arguments, *([] if local or not base else ["--api-base", base.rstrip("/")])]


async def run_cli(*arguments: str, base: str, config_dir: Path, seconds: float = 20.0, **environment: str) -> Ran:
    """Run the CLI to its end. Kills it and raises TimeoutError if that takes too long."""
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
    """Start a command that runs until `stop_cli`, such as `listen`; its output is in its pipes."""
    return await asyncio.create_subprocess_exec(
        *cli_command(*arguments, base=base),
        env=cli_environment(config_dir, **environment),
        cwd=config_dir,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def stop_cli(process: asyncio.subprocess.Process, seconds: float = 5.0) -> int:
    """Ask the CLI to end, kill it if it does not, and return its exit status."""
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
    """Return the name of every event in the help of `stripe trigger`."""
    ran = await run_cli("trigger", "--help", base="", config_dir=config_dir)
    assert ran.code == 0, ran.stderr
    _, _, listed = ran.stdout.partition("Supported events:\n")
    names = listed.partition("\n\n")[0].split()
    assert names, ran.stdout
    return names
