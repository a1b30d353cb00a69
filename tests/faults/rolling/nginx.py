"""nginx with deploy/nginx.conf in front of several daemons."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from tests.faults.hostile.proxy import running_nginx

FILE = Path(__file__).resolve().parents[3] / "deploy/nginx.conf"
_PORTS = ("127.0.0.1:8000", "127.0.0.1:8001")
_REPEATED_POSTS = " non_idempotent;"


def shop_nginx(
    folder: Path, port: int, daemons: Sequence[int], *, repeat_posts: bool
) -> AbstractAsyncContextManager[None]:
    """Run nginx on a port of this machine, configured as in `servers`. Raise MissingPackage."""
    return running_nginx(folder, servers(port, daemons, repeat_posts=repeat_posts), port)


def servers(port: int, daemons: Sequence[int], *, repeat_posts: bool) -> str:
    """Return deploy/nginx.conf for this port, without TLS. Without `repeat_posts`, a POST goes to one daemon only."""
    changes = {
        "listen 443 ssl;": f"listen 127.0.0.1:{port};",
        "    ssl_certificate /etc/ssl/shop.example.pem;\n": "",
        "    ssl_certificate_key /etc/ssl/private/shop.example.key;\n": "",
        **{address: f"127.0.0.1:{daemon}" for address, daemon in zip(_PORTS, daemons, strict=True)},
    }
    if not repeat_posts:
        changes[_REPEATED_POSTS] = ";"
    text = FILE.read_text(encoding="utf-8")
    for ours, theirs in changes.items():
        assert text.count(ours) == 1, (ours, text.count(ours))
        text = text.replace(ours, theirs)
    return text
