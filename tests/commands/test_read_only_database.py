"""A database that may only be read: every command that writes says so in one line, and every other one works."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.commands.conftest import Run, go
from tests.commands.every_command import AT_STRIPE, READING, WRITING, Line
from tests.commands.place import Place, open_place
from tests.commands.test_questions import ASKING
from tests.support.background import BackgroundStripe
from tests.support.cluster import Cluster

REFUSALS = {"viewer": "error: the database user may not ", "read-only": "error: the database refuses: "}


@pytest.fixture(scope="module")
def place(cluster: Cluster, offline_stripe: BackgroundStripe) -> Iterator[Place]:
    yield from open_place(cluster, offline_stripe)


@pytest.fixture(scope="module")
def urls(place: Place) -> Iterator[Mapping[str, str]]:
    """The database's URL for a user who may only read, and for a server that is set to accept no writes."""
    parts = urlsplit(place.database_url)

    async def execute(statements: str) -> None:
        connection = await asyncpg.connect(place.database_url)
        await connection.execute(statements)
        await connection.close()

    go(
        execute(
            "CREATE ROLE viewer LOGIN PASSWORD 'views'; GRANT USAGE ON SCHEMA public TO viewer;"
            " GRANT SELECT ON ALL TABLES IN SCHEMA public TO viewer;"
            " CREATE ROLE halted LOGIN SUPERUSER PASSWORD 'views';"
            " ALTER ROLE halted SET default_transaction_read_only = on"
        )
    )
    yield {
        how: f"postgresql://{role}:views@{parts.hostname}:{parts.port}{parts.path}"
        for how, role in (("viewer", "viewer"), ("read-only", "halted"))
    }
    go(execute("DROP OWNED BY viewer; DROP ROLE viewer; DROP ROLE halted"))


def words(name: str, line: Line, place: Place, folder: Path) -> list[str]:
    return line.words(place, folder, *(["--yes"] if name in ASKING else []))


@pytest.mark.parametrize("name", WRITING)
@pytest.mark.parametrize("how", REFUSALS)
def test_a_command_that_writes_is_refused_in_one_line(
    run_bare: Run,
    environment: pytest.MonkeyPatch,
    place: Place,
    urls: Mapping[str, str],
    tmp_path: Path,
    name: str,
    how: str,
) -> None:
    line = words(name, WRITING[name], place, tmp_path)
    before = place.contents()
    for setting, value in (place.environ() | {"DATABASE_URL": urls[how]}).items():
        environment.setenv(setting, value)
    ran = run_bare(*line, "--json")
    errors = [text for text in ran.err.splitlines() if text.startswith("error: ")]
    assert (ran.code, ran.out, len(errors)) == (4, "", 1), ran
    assert REFUSALS[how] in errors[0]
    assert "DATABASE_URL" in errors[0]
    assert "Traceback" not in ran.err
    assert place.contents() == before


@pytest.mark.parametrize("name", READING | AT_STRIPE)
@pytest.mark.parametrize("how", REFUSALS)
def test_a_command_that_only_reads_works(
    run_bare: Run,
    environment: pytest.MonkeyPatch,
    place: Place,
    urls: Mapping[str, str],
    tmp_path: Path,
    name: str,
    how: str,
) -> None:
    line = words(name, (READING | AT_STRIPE)[name], place, tmp_path)
    for setting, value in (place.environ() | {"DATABASE_URL": urls[how]}).items():
        environment.setenv(setting, value)
    ran = run_bare(*line)
    assert ran.code == 0, ran.err
    assert ran.out


@pytest.mark.parametrize("command", ["init", "migrate"])
@pytest.mark.parametrize("how", REFUSALS)
def test_a_schema_that_may_not_be_created_is_refused_in_one_line(
    run_bare: Run,
    environment: pytest.MonkeyPatch,
    cluster: Cluster,
    urls: Mapping[str, str],
    command: str,
    how: str,
) -> None:
    empty = cluster.take_empty()
    environment.setenv("DATABASE_URL", urls[how].replace(urlsplit(urls[how]).path, urlsplit(empty).path))
    ran = run_bare("db", command)
    cluster.give_back(empty)
    assert (ran.code, ran.out, ran.err.count("\n")) == (4, "", 1), ran.err
    assert REFUSALS[how] in ran.err


@pytest.mark.parametrize("how", REFUSALS)
def test_the_doctor_tells_it(
    run_bare: Run, environment: pytest.MonkeyPatch, place: Place, urls: Mapping[str, str], how: str
) -> None:
    def schema(url: str) -> str:
        environment.setenv("DATABASE_URL", url)
        return str(next(line["detail"] for line in run_bare("doctor", "--json").lines if line["check"] == "schema"))

    assert "read-only: commands that change something are refused" in schema(urls[how])
    assert "read-only" not in schema(place.database_url)
