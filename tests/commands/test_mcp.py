"""`checkout mcp` without the package that it needs. tests/mcp_server has the rest."""

from __future__ import annotations

import pytest

from checkout_daemon.mcp_server import serving
from tests.commands.conftest import Run


def test_without_the_extra_the_command_that_installs_it_is_named(run: Run, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(serving, "find_spec", lambda name: None)
    ran = run("mcp")
    assert (ran.code, ran.out) == (2, "")
    assert "pip install 'checkout-daemon[mcp]'" in ran.err
