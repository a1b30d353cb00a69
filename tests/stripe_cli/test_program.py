"""Where the Stripe CLI is found, and the address that it gets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from checkout_daemon.stripe_cli.program import cli_base, find_stripe_cli


def test_the_stripe_cli_gets_an_ipv6_address_in_brackets() -> None:
    assert cli_base("http://[::1]:8001") == "http://[::1]:8001"
    assert cli_base("http://localhost:8001") == "http://127.0.0.1:8001"


def test_the_places_of_the_stripe_cli_are_searched_in_order(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    packaged = tmp_path / "frontend/node_modules/@stripe/cli-linux-x64/bin/stripe"
    on_path, chosen = tmp_path / "bin/stripe", tmp_path / "chosen"
    for program in (packaged, on_path, chosen):
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text("#!/bin/sh\n")
        program.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/nowhere")
    found = [find_stripe_cli(None)[0]]
    monkeypatch.setenv("PATH", str(on_path.parent))
    found.append(find_stripe_cli(None)[0])
    found.append(find_stripe_cli(chosen)[0])
    chosen.chmod(0o644)
    found.append(find_stripe_cli(chosen)[0])
    assert found[:3] == [packaged, on_path, chosen]
    assert found[3] is None or os.access(chosen, os.X_OK)
