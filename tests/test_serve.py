"""`checkout serve`: refusals, start and rotated secrets."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import aiohttp
import asyncpg
import pytest

from checkout_daemon.dev.ports import free_port
from tests.support.flaky_stripe import FlakyStripe
from tests.support.fronts import passing_on
from tests.support.serving import (
    ONE_OR_TWO,
    START_SECONDS,
    Serve,
    broken_package,
    deliver,
    enough,
    ready,
    refusal,
    start,
    until,
)
from tests.web.conftest import checkout_body

# What it refuses ------------------------------------------------------------------------------------------------------


async def test_missing_settings_are_all_reported_in_one_line(tmp_path: Path) -> None:
    status, lines = await refusal(tmp_path, {})
    assert status == 2
    assert len(lines) == 1
    assert [name in lines[0] for name in ("DATABASE_URL", "STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET")] == [True] * 3


async def test_without_webhook_secrets_it_does_not_start(tmp_path: Path, database_url: str) -> None:
    status, lines = await refusal(tmp_path, enough(database_url) | {"STRIPE_WEBHOOK_SECRET": ""})
    assert status == 2
    assert len(lines) == 1
    assert "STRIPE_WEBHOOK_SECRET" in lines[0]


async def test_proxies_that_are_no_networks_are_refused(tmp_path: Path, database_url: str) -> None:
    status, lines = await refusal(tmp_path, enough(database_url) | {"CHECKOUT_TRUSTED_PROXIES": "proxy.internal"})
    assert status == 2
    assert "CHECKOUT_TRUSTED_PROXIES" in lines[0]


async def test_a_misspelled_setting_is_logged_with_the_one_that_was_meant(tmp_path: Path) -> None:
    environ = enough("postgresql://127.0.0.1:9/shop") | {"CHECKOUT_RATE_LIMTI": "5"}
    _, lines = await refusal(tmp_path, environ)
    assert lines[0].endswith(
        "CHECKOUT_RATE_LIMTI in the environment is not a setting: did you mean CHECKOUT_RATE_LIMIT?"
    )


async def test_a_database_that_does_not_answer_is_exit_5(tmp_path: Path) -> None:
    status, lines = await refusal(tmp_path, enough("postgresql://shop:hunter2@127.0.0.1:9/shop"))
    assert status == 5
    assert len(lines) == 1
    assert lines[0].startswith("checkout serve: the database does not answer: Connection refused; start it, or correct")
    assert "hunter2" not in lines[0]


async def test_a_database_that_does_not_exist_is_not_called_silent(tmp_path: Path, database_url: str) -> None:
    parts = urlsplit(database_url)
    status, lines = await refusal(tmp_path, enough(parts._replace(path="/nowhere").geturl()))
    assert status == 2
    assert 'the database refuses: database "nowhere" does not exist; correct DATABASE_URL' in lines[0]


async def test_a_database_that_does_not_answer_is_waited_for(
    serve: Serve, http: aiohttp.ClientSession, database_url: str, tmp_path: Path
) -> None:
    port = free_port()
    parts = urlsplit(database_url)
    late = database_url.replace(f":{parts.port}/", f":{port}/")
    starting = asyncio.ensure_future(serve(enough(late), "--wait", "2m"))
    await until(lambda: any("waiting for up to 120 s" in log.read_text() for log in tmp_path.rglob("*.log")))
    async with passing_on(port, parts.hostname or "", parts.port or 0):
        await ready(http, await starting)


@pytest.mark.parametrize(("url", "warned"), [("", True), ("http://[::1]:8000", True), ("https://shop.example", False)])
async def test_a_live_key_with_a_public_url_that_nobody_reaches_is_reported(
    tmp_path: Path, url: str, warned: bool
) -> None:
    environ = enough("postgresql://127.0.0.1:9/shop") | {
        "STRIPE_API_KEY": "sk_live_serve0123456789",
        "STRIPE_API_BASE": "",
    }
    _, lines = await refusal(tmp_path, environ | {"CHECKOUT_PUBLIC_URL": url})
    assert any("CHECKOUT_PUBLIC_URL is http://" in line for line in lines) is warned


@pytest.mark.parametrize("url", ["nonsense", "postgresql://shop:hunter2@127.0.0.1:port/shop"])
async def test_a_database_url_that_is_none_is_exit_2(tmp_path: Path, url: str) -> None:
    status, lines = await refusal(tmp_path, enough(url))
    assert status == 2
    assert len(lines) == 1
    assert "DATABASE_URL" in lines[0]
    assert "hunter2" not in lines[0]


async def test_a_schema_of_a_later_release_is_refused_and_left_alone(
    tmp_path: Path, database_url: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("INSERT INTO schema_migrations (version, name, oldest_code) VALUES (9999, 'later', 9999)")
    status, lines = await refusal(tmp_path, enough(database_url))
    assert status == 1
    assert len(lines) == 1
    assert "9999" in lines[0]


@pytest.mark.parametrize("options", [(), ("--workers", "2")], ids=["one process", "two workers"])
async def test_a_port_in_use_is_exit_1_also_where_it_is_shared(
    serve: Serve, tmp_path: Path, database_url: str, options: tuple[str, ...]
) -> None:
    serving = await serve(enough(database_url), "--workers", "2")
    status, lines = await refusal(tmp_path, enough(database_url), "--port", str(serving.port), *options)
    assert status == 1
    assert len(lines) == 1
    assert f"port {serving.port}" in lines[0]


async def test_a_parents_pipe_that_is_not_open_is_refused(tmp_path: Path, database_url: str) -> None:
    status, lines = await refusal(tmp_path, enough(database_url) | {"CHECKOUT_PARENT_PIPE": "999"})
    assert status == 2
    assert "CHECKOUT_PARENT_PIPE" in lines[-1]


@pytest.mark.parametrize("wrong", [{"DATABASE_URL": "postgresql://127.0.0.1:9/shop"}, {"CHECKOUT_PORT": "many"}])
async def test_refusals_are_json_where_that_is_asked_for(
    tmp_path: Path, database_url: str, wrong: dict[str, str]
) -> None:
    status, lines = await refusal(tmp_path, enough(database_url) | {"CHECKOUT_LOG_FORMAT": "json"} | wrong)
    assert status in (2, 5)
    (line,) = map(json.loads, lines)
    assert line["level"] == "critical"


# How it starts --------------------------------------------------------------------------------------------------------


async def test_an_empty_database_gets_its_schema(
    serve: Serve, http: aiohttp.ClientSession, database_url: str, connection: asyncpg.Connection
) -> None:
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    serving = await serve(enough(database_url))
    await ready(http, serving)


async def test_migrations_use_the_direct_url_where_there_is_one(serve: Serve, database_url: str) -> None:
    nowhere = "postgresql://127.0.0.1:9/pooler"
    await serve(enough(nowhere) | {"DATABASE_LISTEN_URL": database_url})


@ONE_OR_TWO
@pytest.mark.parametrize(
    ("file", "back"),
    [("", "http://127.0.0.1:{port}/"), ("CHECKOUT_PUBLIC_URL=https://shop.example\n", "https://shop.example/")],
    ids=["nothing set", "a public URL in .env"],
)
@pytest.mark.usefixtures("connection")
async def test_shoppers_come_back_to_the_port_that_was_named_unless_a_public_url_is_set(
    serve: Serve,
    http: aiohttp.ClientSession,
    tmp_path: Path,
    database_url: str,
    stripe: FlakyStripe,
    file: str,
    back: str,
    options: tuple[str, ...],
) -> None:
    (tmp_path / ".env").write_text(file)
    port = free_port()
    serving = await serve(enough(database_url) | {"STRIPE_API_BASE": stripe.base}, "--port", str(port), *options)
    await ready(http, serving)
    async with http.post(f"{serving.address}/api/stripe-checkout", json=checkout_body()) as answer:
        assert answer.status == 201, await answer.text()
    (asked,) = stripe.asked("/v1/checkout/sessions")
    assert dict(parse_qsl(asked.body.decode()))["success_url"].startswith(back.format(port=port))


async def test_one_worker_is_one_process(serve: Serve, http: aiohttp.ClientSession, database_url: str) -> None:
    serving = await serve(enough(database_url))
    await ready(http, serving)
    assert serving.workers() == []
    assert "one process" in serving.announced


@ONE_OR_TWO
async def test_every_line_from_start_to_stop_is_json_where_that_is_asked_for(
    tmp_path: Path, http: aiohttp.ClientSession, database_url: str, options: tuple[str, ...]
) -> None:
    serving = await start(tmp_path, enough(database_url) | {"CHECKOUT_LOG_FORMAT": "json"}, *options)
    try:
        await until(lambda: "listening on" in serving.log(), START_SECONDS)
        serving.address = serving.log().partition("listening on ")[2].split()[0]
        await ready(http, serving)
        serving.signal(signal.SIGTERM)
        assert await serving.ended() == 0
    finally:
        await serving.close()
    messages = [json.loads(line)["message"] for line in serving.log().splitlines()]
    assert any(message.startswith("listening on ") for message in messages)
    assert any(message.startswith("stopping") for message in messages)


async def test_a_daemon_whose_background_work_fails_ends_with_an_error(
    serve: Serve, tmp_path: Path, database_url: str
) -> None:
    serving = await serve(enough(database_url) | broken_package(tmp_path))
    assert await serving.ended() == 1
    assert "the background task jobs has failed" in serving.log()
    assert "ZeroDivisionError: planted" in serving.log()


async def test_the_log_has_only_what_is_as_important_as_its_level(
    serve: Serve, http: aiohttp.ClientSession, database_url: str
) -> None:
    serving = await serve(enough(database_url) | {"CHECKOUT_LOG_LEVEL": "error"})
    await ready(http, serving)
    assert await deliver(http, serving) == 200
    serving.signal(signal.SIGTERM)
    assert await serving.ended() == 0
    assert serving.log() == ""


# Rotating secrets -----------------------------------------------------------------------------------------------------


@ONE_OR_TWO
async def test_a_hangup_reads_the_webhook_secrets_again(
    serve: Serve, http: aiohttp.ClientSession, tmp_path: Path, database_url: str, options: tuple[str, ...]
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("whsec_old")
    environ = enough(database_url) | {"STRIPE_WEBHOOK_SECRET_FILE": str(secret)}
    del environ["STRIPE_WEBHOOK_SECRET"]
    serving = await serve(environ, *options)
    processes = 1 + len(serving.workers())
    assert await deliver(http, serving, "whsec_old") == 200
    assert await deliver(http, serving, "whsec_new") == 400

    secret.write_text("whsec_new,whsec_old")
    serving.signal(signal.SIGHUP)
    await until(lambda: serving.log().count("were reloaded: there are 2") == processes)
    for worker in serving.workers()[:1]:  # one that is started later knows them too
        os.kill(worker, signal.SIGKILL)
        await until(lambda worker=worker: len(set(serving.workers()) - {worker}) == 2)  # type: ignore[misc]
    assert [await deliver(http, serving, "whsec_new") for _ in range(8)] == [200] * 8
    assert await deliver(http, serving, "whsec_old") == 200

    secret.write_text("nonsense")
    serving.signal(signal.SIGHUP)
    await until(lambda: serving.log().count("the old ones stay") == processes)
    assert await deliver(http, serving, "whsec_new") == 200
