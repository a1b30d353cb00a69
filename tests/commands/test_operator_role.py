"""The group of operators that `checkout db roles` makes: every command of theirs works, and a reader's only looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from checkout_daemon.operations.roles import apply_roles
from tests.commands.conftest import Run, go
from tests.commands.every_command import AT_STRIPE, READING, WRITING
from tests.commands.place import Place, open_place
from tests.commands.test_read_only_database import words
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster

PREFIX = "commands"
# The owner's
_OF_OWNER = {"db restore"}
_READING = (READING | AT_STRIPE).keys() - {"db backup"}
SECRETS = {"tokens list", "outbox endpoints list"}
"""They read tables that hold secrets, or what one is recognized by."""


@pytest.fixture(scope="module")
def place(cluster: Cluster, offline_stripe: BackgroundStripe) -> Iterator[Place]:
    yield from open_place(cluster, offline_stripe)


@pytest.fixture(scope="module")
def urls(place: Place) -> Iterator[Mapping[str, str]]:
    """The database's URL for a user of each group."""
    parts = urlsplit(place.database_url)
    names = [f"{PREFIX}_{group}" for group in ("daemon", "operator", "reader")]

    async def execute(*statements: str) -> None:
        connection = await asyncpg.connect(place.database_url)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    go(apply_roles(place.database_url, PREFIX))
    go(execute(*(f"CREATE ROLE {name}_user LOGIN PASSWORD 'p' IN ROLE {name}" for name in names)))
    yield {
        name.partition("_")[2]: f"postgresql://{name}_user:p@{parts.hostname}:{parts.port}{parts.path}"
        for name in names
    }
    go(execute(*(f"DROP ROLE {name}_user; DROP OWNED BY {name}; DROP ROLE {name}" for name in names)))


def run_as(url: str, line: list[str], run_bare: Run, environment: pytest.MonkeyPatch, place: Place) -> None:
    for setting, value in (place.environ() | {"DATABASE_URL": url}).items():
        environment.setenv(setting, value)
    ran = run_bare(*line)
    assert ran.code == (1 if "left for a person" in ran.out else 0), ran.err  # what other lines left behind


@pytest.mark.parametrize("name", sorted(WRITING.keys() - _OF_OWNER))
def test_an_operator_needs_no_other_right(
    run_bare: Run, environment: pytest.MonkeyPatch, place: Place, urls: Mapping[str, str], tmp_path: Path, name: str
) -> None:
    line = words(name, WRITING[name], place, tmp_path)
    run_as(urls["operator"], line, run_bare, environment, place)


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_reader_sees_no_secrets(
    run_bare: Run, environment: pytest.MonkeyPatch, place: Place, urls: Mapping[str, str], tmp_path: Path, name: str
) -> None:
    line = words(name, READING[name], place, tmp_path)
    for setting, value in (place.environ() | {"DATABASE_URL": urls["reader"]}).items():
        environment.setenv(setting, value)
    ran = run_bare(*line)
    assert ran.code == 4
    assert "permission denied for table" in ran.err


@pytest.mark.parametrize("name", sorted(_READING - SECRETS))
def test_a_reader_sees_everything_else(
    run_bare: Run, environment: pytest.MonkeyPatch, place: Place, urls: Mapping[str, str], tmp_path: Path, name: str
) -> None:
    line = words(name, (READING | AT_STRIPE)[name], place, tmp_path)
    run_as(urls["reader"], line, run_bare, environment, place)


def test_a_restore_keeps_the_rights(
    run_bare: Run, environment: pytest.MonkeyPatch, place: Place, urls: Mapping[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "shop.dump"
    run_as(place.database_url, ["db", "backup", str(file)], run_bare, environment, place)
    run_as(place.database_url, ["db", "restore", str(file), "--yes"], run_bare, environment, place)
    run_as(urls["reader"], ["orders", "list"], run_bare, environment, place)
    line = words("catalog import", WRITING["catalog import"], place, tmp_path)
    run_as(urls["operator"], line, run_bare, environment, place)
    assert go(has_rights(place.database_url)) == {
        "UPDATE of a token's last use": True,
        "UPDATE of tokens": False,
        "SELECT of the view": True,
        "SELECT of numbers": True,
    }


async def has_rights(database_url: str) -> dict[str, bool]:
    """Return what the daemon's group may do apart from its rights on whole tables."""
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow(
        """
        SELECT has_column_privilege($1::name, 'api_tokens', 'last_used_at', 'UPDATE') AS "UPDATE of a token's last use",
               has_table_privilege($1::name, 'api_tokens', 'UPDATE') AS "UPDATE of tokens",
               has_table_privilege($1::name, 'stock_levels', 'SELECT') AS "SELECT of the view",
               has_sequence_privilege($1::name, 'orders_number_seq', 'SELECT') AS "SELECT of numbers"
        """,
        f"{PREFIX}_daemon",
    )
    await connection.close()
    assert row is not None
    return dict(row)


def test_a_group_without_rights_on_all_tables_is_refused_a_backup(
    run_bare: Run, environment: pytest.MonkeyPatch, place: Place, urls: Mapping[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "shop.dump"
    for group in ("daemon", "operator", "reader"):
        for setting, value in (place.environ() | {"DATABASE_URL": urls[group]}).items():
            environment.setenv(setting, value)
        refused = run_bare("db", "backup", str(file))
        assert (refused.code, file.exists()) == (4, False)
        assert "the owner of the tables" in refused.err


def test_the_statements_are_printed_and_can_be_repeated(
    run_bare: Run, environment: pytest.MonkeyPatch, place: Place, urls: Mapping[str, str]
) -> None:
    environment.setenv("DATABASE_URL", place.database_url)
    printed = run_bare("db", "roles", "--prefix", PREFIX)
    assert "GRANT SELECT ON public.acts" in printed.out
    assert "CREATE ROLE" in printed.out
    again = run_bare("db", "roles", "--prefix", PREFIX, "--apply", "--json")
    assert (again.code, again.json["applied"]) == (0, True)
    assert again.json["roles"] == [f"{PREFIX}_daemon", f"{PREFIX}_operator", f"{PREFIX}_reader"]
    wrong = run_bare("db", "roles", "--prefix", "a; DROP TABLE orders")
    assert (wrong.code, "cannot begin a role's name" in wrong.err) == (2, True)
