"""A command line in this process: what it printed, said, and gave as exit code."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

import cli


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> pytest.MonkeyPatch:
    """An empty folder, and nothing set."""
    for name in ("DATABASE_URL", "DATABASE_LISTEN_URL", "STRIPE_API_KEY", "STRIPE_API_BASE", "STRIPE_WEBHOOK_SECRET"):
        monkeypatch.delenv(name, raising=False)
    for name in ("STRIPE_CLI", "CHECKOUT_STATE_DIR", "CHECKOUT_PUBLIC_URL", "CHECKOUT_SMTP_URL", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return monkeypatch


@pytest.fixture
def run_bare(environment: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Without a database."""

    def run(*arguments: object) -> Ran:
        capfd.readouterr()
        code = cli.run([str(each) for each in arguments])
        return Ran(code, *capfd.readouterr())

    return run


@pytest.fixture
def run(run_bare: Run, environment: pytest.MonkeyPatch, database_url: str) -> Run:
    environment.setenv("DATABASE_URL", database_url)
    return run_bare


def go(work: Any) -> Any:
    """Run a coroutine: commands bring their own event loop, so their tests have none."""
    return asyncio.run(work)
