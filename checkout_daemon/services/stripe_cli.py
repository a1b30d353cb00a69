"""Where the official Stripe CLI is: the native binary, not the npm package's script around it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import checkout_daemon
from checkout_daemon.config import read_setting

_IN_NODE_MODULES = "frontend/node_modules/@stripe/cli-*/bin/stripe*"


def find_stripe_cli() -> tuple[Path | None, str]:
    """STRIPE_CLI, else `stripe` on PATH, else the one in the storefront's packages; and where it was looked for."""
    if chosen := read_setting("STRIPE_CLI"):
        path = Path(chosen)
        return (path if _runs(path) else None), f"STRIPE_CLI names {chosen}, which cannot be run"
    if on_path := shutil.which("stripe"):
        return Path(on_path), ""
    for root in (Path.cwd(), Path(checkout_daemon.__file__).parent.parent):
        for path in sorted(root.glob(_IN_NODE_MODULES)):
            if _runs(path):
                return path, ""
    return None, "STRIPE_CLI is not set, and it is neither on PATH nor in frontend/node_modules"


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)
