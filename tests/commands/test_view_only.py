"""An operator of the role `view` changes nothing: every command that writes, here or at Stripe, is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.audit.operators import Operator, act_as
from checkout_daemon.audit.registering import NewOperator, add_operator
from checkout_daemon.audit.rights import OperatorRole
from checkout_daemon.database.pool import Database
from checkout_daemon.tokens.api_tokens import Scope, create_token
from tests.commands.conftest import Run
from tests.commands.every_command import AT_STRIPE, WRITING, Line, an_admin
from tests.commands.place import Place, open_place
from tests.commands.test_read_only_database import words
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster

OF_OWNER = {"db restore"}
"""It replaces the whole database, operators included: the rights of the tables' owner decide."""
IN_WORDS = ("disputes accept", "disputes evidence", "disputes submit")
"""The role is looked at before anything is asked: these begin with questions, or with an editor."""
APPLYING = {"payouts reconcile": Line("payouts reconcile --apply")}
"""They write with --apply only."""
LINES = {name: line for name, line in (WRITING | AT_STRIPE | APPLYING).items() if name not in OF_OWNER}


@pytest.fixture(scope="module")
def place(cluster: Cluster, offline_stripe: BackgroundStripe) -> Iterator[Place]:
    yield from open_place(cluster, offline_stripe)


@pytest.fixture(scope="module")
def token(place: Place, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The token of an operator who may only look."""
    an_admin(place, tmp_path_factory.mktemp("admin"))

    async def work() -> str:
        database, admin = Database(place.database_url), Operator("tester", "desk")
        _, secret = await create_token(database, "viewer", (Scope.READ,), operator=admin)
        await add_operator(database, NewOperator("viewer", OperatorRole.VIEW, {}, token="viewer"), operator=admin)
        await database.close()
        return secret

    yield asyncio.run(work())
    act_as(None)


async def entries(place: Place) -> int:
    connection = await asyncpg.connect(place.database_url)
    count: int = await connection.fetchval("SELECT count(*) FROM operator_log")
    await connection.close()
    return count


@pytest.mark.parametrize("name", sorted(LINES))
def test_a_viewer_may_not(
    run_bare: Run, environment: pytest.MonkeyPatch, place: Place, token: str, tmp_path: Path, name: str
) -> None:
    act_as(None)
    line = words(name, LINES[name], place, tmp_path)
    before = asyncio.run(entries(place))
    for setting, value in (place.environ() | {"CHECKOUT_OPERATOR_TOKEN": token}).items():
        environment.setenv(setting, value)
    ran = run_bare(*line)
    act_as(None)
    refused = "viewer has the role view, and this needs" in ran.err
    if name not in IN_WORDS:
        refused |= "viewer may not" in ran.err  # by the database
    assert (ran.code, refused) == (4, True), ran.err + ran.out
    assert asyncio.run(entries(place)) == before
