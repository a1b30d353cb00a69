"""`checkout dev` as a real process: one command starts a whole shop, and one signal stops it."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
from pathlib import Path
from shlex import quote

import aiohttp
import asyncpg
import psutil
import pytest

from checkout_daemon.dev.ports import free_port, is_free
from checkout_daemon.dev.processes import poll
from checkout_daemon.ledger.event_types import ENDPOINT_TYPES
from tests.support.dev import Dev, answers, running_dev, spawn_dev

NOTICE_SECONDS = 15  # for children to see that their parent is gone


def children_of(pid: int) -> list[int]:
    """Return its child processes, the same way on Linux and macOS."""
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def is_running_postmaster(state_dir: Path, pid: int) -> bool:
    """Return whether the cluster's pid file still names the server of that pid."""
    path = state_dir / "postgres/data/postmaster.pid"
    return path.exists() and path.read_text(encoding="utf-8").startswith(f"{pid}\n")


async def products(dev: Dev) -> list[dict[str, object]]:
    async with aiohttp.ClientSession() as http, http.get(f"{dev.url}/api/products") as response:
        listed: list[dict[str, object]] = (await response.json())["products"]
        return listed


async def endpoints(dev: Dev) -> list[dict[str, object]]:
    headers = {"Authorization": f"Bearer {dev.env['STRIPE_API_KEY']}"}
    url = f"{dev.env['STRIPE_API_BASE']}/v1/webhook_endpoints"
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        listed: list[dict[str, object]] = (await response.json())["data"]
        return listed


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def test_one_command_starts_a_shop_and_sigterm_stops_it(state_dir: Path) -> None:
    async with running_dev(state_dir) as dev:
        started = children_of(dev.process.pid)
        assert await answers(f"{dev.url}/readyz")
        assert await answers(dev.url)
        assert len(await products(dev)) == 12
        assert stat.S_IMODE((state_dir / "dev.env").stat().st_mode) == 0o600
        assert dev.env["STRIPE_API_BASE"] == f"http://127.0.0.1:{dev.sandbox_port}"
        assert dev.env["CHECKOUT_PUBLIC_URL"] == dev.url
        assert dev.env["STRIPE_API_KEY"].startswith("sk_test_")
        [endpoint] = await endpoints(dev)
        assert endpoint["url"] == f"{dev.url}/api/webhook"
        assert set(endpoint["enabled_events"]) == set(ENDPOINT_TYPES)  # type: ignore[call-overload]

        assert await dev.stop() == 0

    assert [pid for pid in started if not is_gone(pid)] == []
    assert is_free(dev.port)
    assert is_free(dev.sandbox_port)


async def test_its_output_fits_a_terminal_and_hides_the_password(state_dir: Path) -> None:
    async with running_dev(state_dir) as dev:
        password = dev.env["DATABASE_URL"].split(":")[2].partition("@")[0]
        assert dev.url in dev.text
        assert dev.env["STRIPE_API_BASE"] in dev.text
        assert password not in dev.text
        assert "ready" in dev.text.splitlines()[-1]
        assert [line for line in dev.text.splitlines() if len(line) > 80 and str(Path.cwd()) not in line] == []
        assert f"    export CHECKOUT_STATE_DIR={quote(str(state_dir))}\n" in dev.text  # for another terminal


async def test_a_second_one_in_the_same_folder_names_the_first(state_dir: Path) -> None:
    async with running_dev(state_dir) as dev:
        second = await spawn_dev(state_dir)

        assert await second.ended() == 1
        assert f"pid {dev.process.pid}" in second.text
        assert dev.url in second.text
        assert await answers(f"{dev.url}/readyz")


async def test_after_kill_9_its_children_end_and_the_next_one_continues(state_dir: Path) -> None:
    async with running_dev(state_dir) as dev:
        before, started = dev.env, children_of(dev.process.pid)
        await execute(before["DATABASE_URL"], "UPDATE products SET name = 'Renamed' WHERE sku = 'NOTEBOOK-A5'")
        dev.process.kill()
        await dev.process.wait()

        assert await poll(lambda: all(is_gone(pid) for pid in started), NOTICE_SECONDS)

    async with running_dev(state_dir, port=dev.port) as again:
        assert again.env["STRIPE_API_KEY"] == before["STRIPE_API_KEY"]
        assert again.env["STRIPE_WEBHOOK_SECRET"] == before["STRIPE_WEBHOOK_SECRET"]
        assert "Renamed" in [product["name"] for product in await products(again)]
        assert len(await endpoints(again)) == 1


async def test_it_can_be_started_again_at_once_after_kill_9(state_dir: Path) -> None:
    async with running_dev(state_dir) as dev:
        dev.process.kill()

    async with running_dev(state_dir, port=dev.port) as again:
        assert await answers(f"{again.url}/readyz")


async def test_a_lost_secret_gets_a_new_endpoint(state_dir: Path) -> None:
    async with running_dev(state_dir) as dev:
        before = dev.env["STRIPE_WEBHOOK_SECRET"]
        assert await dev.stop() == 0
    (state_dir / "endpoint.json").unlink()

    async with running_dev(state_dir, port=dev.port) as again:
        assert again.env["STRIPE_WEBHOOK_SECRET"] != before
        assert len(await endpoints(again)) == 1


async def test_when_a_part_dies_the_rest_is_stopped_and_the_part_is_named(state_dir: Path) -> None:
    async with running_dev(state_dir) as dev:
        started = children_of(dev.process.pid)
        [daemon] = [pid for pid in started if "serve" in psutil.Process(pid).cmdline()]
        os.kill(daemon, signal.SIGKILL)

        assert await dev.ended() == 1
        assert "the daemon" in dev.text
    assert [pid for pid in started if not is_gone(pid)] == []


async def test_a_database_that_dies_is_restarted_and_the_shop_continues(state_dir: Path) -> None:
    async with running_dev(state_dir) as dev:
        lines = (state_dir / "postgres/data/postmaster.pid").read_text(encoding="utf-8").splitlines()
        os.kill(int(lines[0]), signal.SIGKILL)

        async with asyncio.timeout(NOTICE_SECONDS):
            while is_running_postmaster(state_dir, int(lines[0])) or not await answers(f"{dev.url}/readyz"):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert len(await products(dev)) == 12
        assert await dev.stop() == 0
        assert "restarting it" in dev.text


async def test_two_in_two_folders_are_separate(state_dir: Path) -> None:
    (state_dir / "one").mkdir()
    (state_dir / "two").mkdir()
    async with running_dev(state_dir / "one") as one, running_dev(state_dir / "two") as two:
        await execute(one.env["DATABASE_URL"], "UPDATE products SET name = 'Renamed'")

        assert {product["name"] for product in await products(one)} == {"Renamed"}
        assert "Renamed" not in {product["name"] for product in await products(two)}


async def test_ctrl_c_while_it_starts_leaves_nothing(state_dir: Path) -> None:
    dev = await spawn_dev(state_dir)
    assert dev.process.stdout is not None
    await asyncio.wait_for(dev.process.stdout.readline(), 30)
    started = children_of(dev.process.pid)

    dev.process.send_signal(signal.SIGINT)

    assert await dev.ended(5) == 0
    assert [pid for pid in started if not is_gone(pid)] == []


async def test_the_database_of_the_option_is_used_and_filled(state_dir: Path, database_url: str) -> None:
    await execute(database_url, "CREATE TABLE posts (title text)")
    nowhere = {"DATABASE_URL": "postgresql://127.0.0.1:9/a", "DATABASE_LISTEN_URL": "postgresql://127.0.0.1:9/a"}
    async with running_dev(state_dir, "--database-url", database_url, env=nowhere) as dev:
        assert dev.env["DATABASE_URL"] == database_url
        assert not (state_dir / "postgres.json").exists()
        assert len(await products(dev)) == 12


async def test_a_shop_in_the_operators_database_is_used_and_not_filled(state_dir: Path, database_url: str) -> None:
    async with running_dev(state_dir, env={"DATABASE_URL": database_url}) as dev:
        assert dev.env["DATABASE_URL"] == database_url
        assert await products(dev) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("CREATE TABLE posts (title text)", "has tables of another program (public.posts): "),
        ("DROP SCHEMA public CASCADE; CREATE SCHEMA public", "has no shop yet: "),
        (
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE orders (id bigint);"
            " CREATE TABLE schema_migrations (version varchar)",
            "has tables of another program (public.orders, public.schema_migrations): ",
        ),
    ],
)
async def test_a_database_that_may_be_for_another_program_is_refused_and_nothing_is_written(
    state_dir: Path, database_url: str, change: str, words: str
) -> None:
    await execute(database_url, change)
    count = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    connection = await asyncpg.connect(database_url)
    before = await connection.fetchval(count)
    dev = await spawn_dev(state_dir, env={"DATABASE_URL": database_url})
    assert await dev.ended() == 2
    assert words in " ".join(dev.text.split())
    assert "--database-url" in dev.text
    assert "Traceback" not in dev.text
    assert await connection.fetchval(count) == before
    await connection.close()


async def test_the_operators_stripe_is_used(state_dir: Path) -> None:
    theirs = {
        "STRIPE_API_KEY": "sk_test_1234567890",
        "STRIPE_API_BASE": "http://127.0.0.1:9",
        "STRIPE_WEBHOOK_SECRET": "whsec_theirs",
    }

    async with running_dev(state_dir, env=theirs) as dev:
        assert {name: dev.env[name] for name in theirs} == theirs
        assert is_free(dev.sandbox_port)
        assert "Offline Stripe" not in dev.text


async def test_a_catalog_that_exists_is_left_alone(state_dir: Path, database_url: str) -> None:
    await execute(
        database_url,
        "INSERT INTO products (sku, name, unit_amount, currency, position) VALUES ('MINE', 'Mine', 100, 'eur', 1)",
    )

    async with running_dev(state_dir, env={"DATABASE_URL": database_url}) as dev:
        assert [product["sku"] for product in await products(dev)] == ["MINE"]


@pytest.mark.parametrize(
    ("env", "options", "message"),
    [
        ({"STRIPE_API_KEY": "sk_live_1234567890"}, [], "live key"),
        ({"STRIPE_API_KEY": "rk_live_1234567890"}, [], "live key"),
        ({"STRIPE_API_KEY": "sk_test_1234567890"}, [], "STRIPE_WEBHOOK_SECRET"),
        ({}, ["--no-sandbox"], "STRIPE_API_KEY"),
        ({"STRIPE_API_KEY": "pk_test_1234567890"}, [], "STRIPE_API_KEY"),
        ({"CHECKOUT_RATE_LIMIT": "many"}, [], "CHECKOUT_RATE_LIMIT"),
    ],
)
async def test_settings_that_cannot_work_are_refused_before_anything_starts(
    state_dir: Path, env: dict[str, str], options: list[str], message: str
) -> None:
    dev = await spawn_dev(state_dir, *options, env=env)

    assert await dev.ended() == 2
    assert message in dev.text
    assert "Traceback" not in dev.text
    assert list(state_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "status", "message"),
    [
        ("postgresql://u:secret@127.0.0.1:9/shop", 5, "postgresql://u@127.0.0.1:9/shop does not answer"),
        ("mysql://u:secret@127.0.0.1:9/shop", 2, "DATABASE_URL is not of the form"),
    ],
)
async def test_an_unusable_database_is_named_without_its_password(
    state_dir: Path, url: str, status: int, message: str
) -> None:
    dev = await spawn_dev(state_dir, env={"DATABASE_URL": url})

    assert await dev.ended() == status
    assert message in dev.text
    assert "secret" not in dev.text
    assert "Traceback" not in dev.text


@pytest.mark.parametrize("option", ["--port", "--sandbox-port"])
async def test_a_taken_port_is_named_with_its_option(state_dir: Path, option: str) -> None:
    port = free_port()
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", port)
    async with taken:
        dev = await spawn_dev(state_dir, option, str(port))

        assert await dev.ended() == 2
        assert f"port {port}" in dev.text
        assert f"{option}\n" in dev.text
        assert "Traceback" not in dev.text
