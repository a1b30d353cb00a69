"""Helpers of the tests of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.settings import load_settings

LIVE = "sk_live_S3CR3T0123456789"


def refused(cwd: Path, **environ: str) -> str:
    """Return the error that these variables are refused with."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ, cwd=cwd)
    return caught.value.detail
