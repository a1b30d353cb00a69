"""The daemon's own addresses: one for monitoring, a Unix socket, and notifying systemd."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from checkout_daemon.dev.ports import free_port
from checkout_daemon.systemd import watchdog_seconds
from checkout_daemon.web.proxies import TrustedProxies
from tests.support.serving import ONE_OR_TWO, START_SECONDS, Serve, enough, get, ready, refusal


async def status_of(http: aiohttp.ClientSession, url: str) -> int:
    async with http.get(url) as answer:
        return answer.status


@ONE_OR_TWO
async def test_monitoring_has_an_address_of_its_own(
    serve: Serve, http: aiohttp.ClientSession, database_url: str, options: tuple[str, ...]
) -> None:
    admin = f"http://127.0.0.1:{free_port()}"
    environ = enough(database_url) | {"CHECKOUT_ADMIN_LISTEN": admin[7:], "CHECKOUT_METRICS_TOKEN": "correct-horse"}
    serving = await serve(environ, *options)
    assert f", {admin} (" in serving.announced
    serving.address = serving.address.rstrip(",")
    await ready(http, serving)
    async with asyncio.timeout(START_SECONDS):
        while (await status_of(http, f"{admin}/readyz")) != 200:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    found = {}
    for path in ("/metrics", "/healthz", "/api/products"):
        async with http.get(admin + path) as answer:
            found[path] = answer.status
            assert answer.headers["Server"] == "checkout-daemon"
    assert found == {"/metrics": 200, "/healthz": 200, "/api/products": 404}
    async with http.post(f"{admin}/metrics") as answer:
        assert answer.status == 405
    async with http.get(f"{serving.address}/metrics", headers={"Authorization": "Bearer correct-horse"}) as answer:
        assert answer.status == 404
    assert (await get(http, serving, "/healthz"))[0] == 200
    serving.signal(signal.SIGTERM)
    assert await serving.ended() == 0


async def test_an_address_for_monitoring_that_is_taken_is_refused(
    serve: Serve, tmp_path: Path, database_url: str
) -> None:
    serving = await serve(enough(database_url))
    environ = enough(database_url) | {"CHECKOUT_ADMIN_LISTEN": f"127.0.0.1:{serving.port}"}
    status, lines = await refusal(tmp_path, environ)
    assert status == 1
    assert f"port {serving.port} on 127.0.0.1 cannot be opened" in lines[-1]


@pytest.mark.parametrize("wrong", ["9100", "127.0.0.1", "no such host:9100", "127.0.0.1:99999"])
async def test_an_address_for_monitoring_that_is_none_is_refused(tmp_path: Path, wrong: str) -> None:
    status, lines = await refusal(tmp_path, {"CHECKOUT_ADMIN_LISTEN": wrong})
    assert status == 2
    assert "CHECKOUT_ADMIN_LISTEN" in lines[0]


@ONE_OR_TWO
async def test_it_listens_on_a_unix_socket(
    serve: Serve, database_url: str, tmp_path: Path, options: tuple[str, ...]
) -> None:
    path = tmp_path / "shop.sock"
    environ = enough(database_url) | {"CHECKOUT_UNIX_SOCKET": str(path), "CHECKOUT_UNIX_SOCKET_MODE": "600"}
    serving = await serve(environ, *options)
    assert serving.announced.startswith(f"listening on unix:{path} (")
    assert path.stat().st_mode & 0o777 == 0o600
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(path))) as http:
        async with asyncio.timeout(START_SECONDS), http.get("http://shop/healthz") as answer:
            assert answer.status == 200
        async with http.get("http://shop/metrics") as answer:
            assert answer.status == 404  # whoever connects may be a proxy
    serving.signal(signal.SIGTERM)
    assert await serving.ended() == 0
    assert not path.exists()


def test_what_the_client_of_a_unix_socket_forwards_is_trusted() -> None:
    proxies = TrustedProxies(["10.0.0.0/8"], unix_socket=True)
    assert str(proxies.client("", ["203.0.113.7, 10.0.0.1"])) == "203.0.113.7"
    assert str(proxies.client(None, ["203.0.113.7"])) == "203.0.113.7"
    assert proxies.client("", []) is None
    assert str(proxies.client("198.51.100.1", ["203.0.113.7"])) == "198.51.100.1"
    assert TrustedProxies([]).client("", ["203.0.113.7"]) is None


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    """Yield the socket that systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


@ONE_OR_TWO
async def test_systemd_is_notified_when_it_is_ready_works_and_stops(
    serve: Serve, database_url: str, systemd: socket.socket, options: tuple[str, ...]
) -> None:
    watched = {"NOTIFY_SOCKET": systemd.getsockname(), "WATCHDOG_USEC": "100000"}
    serving = await serve(enough(database_url) | watched, *options)
    loop = asyncio.get_running_loop()
    told: list[str] = []

    async def until_told(state: str) -> None:
        async with asyncio.timeout(START_SECONDS):
            while state not in told:
                told.append((await loop.sock_recv(systemd, 100)).decode())

    await until_told("READY=1")
    told.clear()
    await until_told("WATCHDOG=1")
    serving.signal(signal.SIGTERM)
    await until_told("STOPPING=1")
    assert await serving.ended() == 0


@pytest.mark.parametrize(
    ("microseconds", "pid", "seconds"),
    [("30000000", "", 15.0), ("0", "", None), ("", "", None), ("30000000", "1", None), ("soon", "", None)],
)
def test_the_watchdog_is_fed_twice_in_its_time(
    monkeypatch: pytest.MonkeyPatch, microseconds: str, pid: str, seconds: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", microseconds)
    monkeypatch.setenv("WATCHDOG_PID", pid)
    assert watchdog_seconds() == seconds


@pytest.mark.parametrize(("options", "drains"), [((), True), (("--drain", "0"), False)])
async def test_the_drain_may_be_a_setting(
    serve: Serve, http: aiohttp.ClientSession, database_url: str, options: tuple[str, ...], drains: bool
) -> None:
    serving = await serve(enough(database_url) | {"CHECKOUT_DRAIN": "600"}, *options)
    await ready(http, serving)
    serving.signal(signal.SIGTERM)
    if drains:
        async with asyncio.timeout(START_SECONDS):
            while (await get(http, serving, "/readyz"))[0] != 503:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)
        serving.signal(signal.SIGTERM)  # leaves out the rest
    assert await serving.ended() == 0
