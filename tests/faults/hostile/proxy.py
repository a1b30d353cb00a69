"""nginx in front of the daemon, as Debian packages it, with a configuration of this test."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.support.processes import answers
from checkout_daemon.dev.ports import free_port
from tests.faults.report import MissingPackage

_PROGRAM = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""
# Few connections to the daemon, which all clients share: a request that left something behind meets the next client.
_SERVER = """
upstream shop {{ server 127.0.0.1:{daemon}; keepalive 1; }}
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://shop;
        proxy_bind {address};
        proxy_http_version 1.1;
        proxy_request_buffering {buffering};
        proxy_set_header Connection "";
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
}}
"""
_START_SECONDS = 10.0


def program() -> str:
    """Return the path of nginx. Raise MissingPackage."""
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        raise MissingPackage("requests through nginx need the Debian package nginx-light")
    return found


@asynccontextmanager
async def nginx(folder: Path, daemon: int, address: str, *, buffering: bool) -> AsyncIterator[int]:
    """Start nginx in front of the port, from which it connects with this address, and yield its port."""
    port = free_port()
    buffered = "on" if buffering else "off"
    servers = _SERVER.format(daemon=daemon, port=port, address=address, buffering=buffered)
    async with running_nginx(folder, servers, port):
        yield port


@asynccontextmanager
async def running_nginx(folder: Path, servers: str, port: int) -> AsyncIterator[None]:
    """Run nginx with these upstreams and servers, one of which listens on the port, with its files in a new folder."""
    folder.mkdir(parents=True)
    file = folder / "nginx.conf"
    file.write_text(_PROGRAM.format(folder=folder, servers=servers))
    process = await asyncio.create_subprocess_exec(program(), "-c", str(file), "-p", str(folder))
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not await answers(port, "/healthz"):
            if process.returncode is not None or time.monotonic() > deadline:
                raise RuntimeError(f"nginx did not start: {folder}/nginx.log")
            await asyncio.sleep(0.05)
        yield
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
