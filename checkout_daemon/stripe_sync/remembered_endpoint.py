"""The webhook endpoint that `checkout dev` created at the offline Stripe, remembered in the state directory."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from checkout_daemon.private_files import write_private

_FILE = "endpoint.json"


@dataclass(frozen=True, slots=True)
class RememberedEndpoint:
    """Id and secret of an endpoint, in one file so that they always match: Stripe reveals the secret only once."""

    id: str
    secret: str = field(repr=False)


def read_remembered(state_dir: Path) -> RememberedEndpoint | None:
    """Return the endpoint of earlier runs, or None."""
    path = state_dir / _FILE
    return RememberedEndpoint(**json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else None


def remember(state_dir: Path, endpoint: RememberedEndpoint) -> None:
    """Save the endpoint for later runs."""
    write_private(state_dir / _FILE, json.dumps(asdict(endpoint), indent=2) + "\n")


def remember_instead(state_dir: Path, old: Sequence[str], endpoint_id: str, secret: str) -> None:
    """Replace the remembered endpoint if it is one of `old`."""
    known = read_remembered(state_dir)
    if known is not None and known.id in old:
        remember(state_dir, RememberedEndpoint(endpoint_id, secret))
