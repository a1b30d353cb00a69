"""Doctor tells what an answer survives: which commits wait for which standby, and what follows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from checkout_daemon.operations.doctor import Check
from checkout_daemon.settings import Settings
from tests.support.doctor import results
from tests.support.replication import Server, primary_and_standby


@pytest.fixture
async def servers(state_dir: Path) -> AsyncIterator[tuple[Server, Server]]:
    async with primary_and_standby(state_dir) as servers:
        yield servers


async def test_it_states_what_answers_wait_for(servers: tuple[Server, Server], settings: Settings) -> None:
    primary, standby = servers

    async def look(url: str = primary.url) -> Check:
        return (await results(replace(settings, database_url=url)))["replication"]

    async def configure(name: str, value: str) -> None:
        await primary.run(f"ALTER SYSTEM SET {name} = {value}", "SELECT pg_reload_conf()")
        await primary.until(f"SELECT current_setting('{name}') = '{value.strip(chr(39))}'")

    confirmed = await look()
    assert confirmed.ok
    assert "synchronous_standby_names '*'" in confirmed.detail
    assert "(sync, streaming, " in confirmed.detail
    assert "bytes" in confirmed.detail
    assert "an answer is given once a standby has written it" in confirmed.detail

    await primary.run("CREATE ROLE plain LOGIN", "GRANT pg_read_all_data TO plain")
    hidden = await look(primary.url.replace("checkout@", "plain@"))
    assert (hidden.ok, "GRANT pg_monitor" in hidden.detail) == (True, True)

    of_standby = await look(standby.url)
    assert (of_standby.ok, "is a standby" in of_standby.detail) == (False, True)

    for value, words in (("local", "lost with this machine"), ("off", "do not wait for the disk")):
        await configure("synchronous_commit", value)
        weak = await look()
        assert (weak.ok, words in weak.detail) == (False, True)
    await configure("synchronous_commit", "'on'")

    await configure("synchronous_standby_names", "''")
    asynchronous = await look()
    assert (asynchronous.ok, "that no standby has yet are lost" in asynchronous.detail) == (True, True)

    await configure("synchronous_standby_names", "'*'")
    await standby.kill()
    await primary.until("SELECT count(*) = 0 FROM pg_stat_replication")
    alone = await look()
    assert (alone.ok, "nothing is answered until one does" in alone.detail) == (False, True)
