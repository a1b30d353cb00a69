"""`checkout db`, for people and for scripts."""

from __future__ import annotations

import os
import pty
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from checkout_daemon.database.migrations import code_version
from checkout_daemon.database.queries import sql
from checkout_daemon.operations.backups import _directories
from checkout_daemon.urls import split_password
from tests.commands.conftest import Run, go
from tests.support.cluster import Cluster
from tests.support.stripe_events import insert_order


@pytest.fixture
def empty_database(cluster: Cluster, environment: pytest.MonkeyPatch) -> Iterator[str]:
    url = cluster.take_empty()
    environment.setenv("DATABASE_URL", url)
    yield url
    cluster.give_back(url)


def test_an_empty_database_is_distinguished_from_one_that_fits(run_bare: Run, empty_database: str) -> None:
    before = run_bare("db", "status", "--json")
    made = run_bare("db", "init", "--json")
    after = run_bare("db", "status", "--json")

    assert (before.code, before.json["version"], before.json["fits"]) == (1, 0, False)
    assert "checkout db init" in before.err
    assert (made.code, made.json) == (0, {"version": code_version(), "created": True})
    assert after.code == 0
    assert after.json == {
        "version": code_version(),
        "code_version": code_version(),
        "oldest_code": after.json["oldest_code"],
        "fits": True,
    }


def test_a_second_init_reports_the_schema_and_changes_nothing(run: Run) -> None:
    again = run("db", "init")
    assert again.code == 0
    assert "already" in again.out
    assert run("db", "init", "--json").json["created"] is False


def test_migrate_makes_a_schema_and_then_finds_it_up_to_date(run_bare: Run, empty_database: str) -> None:
    assert code_version() in run_bare("db", "migrate", "--json").json["applied"]
    assert run_bare("db", "migrate", "--json").json["applied"] == []


@pytest.mark.parametrize("command", ["orders list", "orders show 1", "orders watch", "events list", "catalog list"])
def test_other_commands_name_the_one_that_makes_the_schema(run_bare: Run, empty_database: str, command: str) -> None:
    listed = run_bare(*command.split())
    assert listed.code == 1
    assert listed.err.splitlines()[-1] == "error: the database has no schema yet: run `checkout db init`"


def test_a_database_that_has_moved_on_is_refused_with_the_reason(run: Run, database_url: str) -> None:
    async def move_on() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("INSERT INTO schema_migrations (version, name, oldest_code) VALUES (9999, 'x', 9999)")
        await connection.close()

    go(move_on())
    status = run("db", "status", "--json")
    assert (status.code, status.json["fits"]) == (1, False)
    assert "install the newer release" in status.err
    assert run("db", "migrate").code == 1


async def read_value(database_url: str, statement: str) -> object:
    connection: asyncpg.Connection = await asyncpg.connect(database_url)
    value: object = await connection.fetchval(statement)
    await connection.close()
    return value


def dump_whole(url: str, file: Path) -> None:
    """Write everything in a database to a file, as the administrator of the server would."""
    bare, password = split_password(url)
    tool = _directories()[-1] / "pg_dump"  # as new as the server
    environ = os.environ | {"PGPASSWORD": password or ""}
    subprocess.run([tool, "--format=custom", f"--file={file}", bare], env=environ, check=True)


def test_a_backup_restores_what_was_there_and_nothing_else(run: Run, database_url: str, tmp_path: Path) -> None:
    kept = go(insert_order(database_url))
    file = tmp_path / "shop.dump"
    backup = run("db", "backup", file, "--json")
    lost = go(insert_order(database_url))
    planned = run("db", "restore", file, "--dry-run", "--json").json
    assert (planned["file"], planned["dry_run"], planned["tables"] > 20) == (str(file), True, True)
    assert planned["written_at"].startswith("20")
    refused = run("db", "restore", file)
    before = go(order_ids(database_url))
    restored = run("db", "restore", file, "--yes", "--json")

    assert (backup.code, backup.json["file"], backup.json["bytes"]) == (0, str(file), file.stat().st_size)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert (refused.code, before) == (2, {kept, lost})
    assert "--yes" in refused.err
    assert (restored.code, restored.json) == (0, {"file": str(file), "version": code_version(), "fits": True})
    assert go(order_ids(database_url)) == {kept}
    assert run("orders", "show", kept, "--json").json["id"] == kept
    assert go(read_value(database_url, "SELECT has_table_privilege('public', 'order_rows', 'SELECT')"))


def test_a_restore_removes_the_tables_of_a_newer_schema(run: Run, database_url: str, tmp_path: Path) -> None:
    """Tables of a later migration refer to older ones, and would block their removal."""
    file = tmp_path / "shop.dump"
    assert run("db", "backup", file).code == 0

    async def migrate_further() -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute("ALTER TABLE orders ADD COLUMN extra text")
        await connection.execute("CREATE TABLE additions (order_id uuid REFERENCES orders)")
        await connection.close()

    go(migrate_further())
    assert run("db", "restore", file, "--yes").code == 0
    listed = run("orders", "list", "--json")
    assert (listed.code, listed.lines) == (0, [])


def test_what_a_restore_drops_is_the_whole_schema(database_url: str) -> None:
    async def drop() -> list[str]:
        connection = await asyncpg.connect(database_url)
        await connection.execute(sql("drop_tables"))
        await connection.execute(sql("drop_functions"))
        left = await connection.fetch(
            "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            " UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace"
        )
        await connection.close()
        return [row["name"] for row in left]

    assert go(drop()) == []


def test_on_a_terminal_a_restore_asks_and_takes_no_for_an_answer(run: Run, database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "shop.dump"
    assert run("db", "backup", file).code == 0
    kept = go(insert_order(database_url))

    def restore(reply: bytes) -> int:
        outer, inner = pty.openpty()
        command = [sys.executable, "-P", "-m", "checkout_daemon", "db", "restore", str(file)]
        process = subprocess.Popen(command, stdin=inner, stderr=inner, stdout=subprocess.DEVNULL, cwd=tmp_path)
        os.close(inner)
        asked = b""
        while b"[y/N]" not in asked:
            asked += os.read(outer, 1024)
        assert b"@127.0.0.1" in asked
        os.write(outer, reply)
        code = process.wait(60)
        os.close(outer)
        return code

    assert (restore(b"n\n"), go(order_ids(database_url))) == (2, {kept})
    assert (restore(b"y\n"), go(order_ids(database_url))) == (0, set())


def test_restored_changes_are_old_to_whoever_follows_them(run: Run, database_url: str, tmp_path: Path) -> None:
    """Their transaction ids are another server's, and may be in this one's future."""
    go(insert_change(database_url, transaction_id="9000000000"))
    file = tmp_path / "shop.dump"
    assert run("db", "backup", file).code == 0
    assert run("db", "restore", file, "--yes").code == 0
    assert run("orders", "show", "1001", "--json").json["changes"]
    assert go(visible_changes(database_url)) == 1


def test_what_is_no_backup_of_ours_is_refused_and_nothing_happens(
    run: Run, database_url: str, tmp_path: Path, cluster: Cluster, environment: pytest.MonkeyPatch
) -> None:
    kept = go(insert_order(database_url))
    text = tmp_path / "notes.txt"
    text.write_text("not a backup")
    foreign = cluster.take_empty()
    other = tmp_path / "other.dump"
    dump_whole(foreign, other)
    environment.setenv("DATABASE_URL", foreign)
    empty = run("db", "backup", tmp_path / "nothing.dump")
    assert (empty.code, "no schema yet" in empty.err, (tmp_path / "nothing.dump").exists()) == (1, True, False)
    environment.setenv("DATABASE_URL", database_url)
    cluster.give_back(foreign)

    assert run("db", "restore", text, "--yes").code == 1
    refused = run("db", "restore", other, "--yes")
    assert refused.code == 1
    assert "another database" in refused.err
    assert go(order_ids(database_url)) == {kept}


def test_an_existing_file_is_overwritten_with_force_only(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "shop.dump"
    file.write_text("precious")
    again = run("db", "backup", file)
    assert (again.code, file.read_text()) == (2, "precious")
    assert "exists and is not overwritten: name another file, or add --force" in again.err
    assert run("db", "backup", file, "--force").code == 0
    assert file.read_bytes().startswith(b"PGDMP")


def test_a_password_never_becomes_an_argument() -> None:
    assert split_password("postgresql://ada:s%40fe@host:5432/shop?sslmode=require") == (
        "postgresql://ada@host:5432/shop?sslmode=require",
        "s@fe",
    )
    assert split_password("postgresql:///shop?host=/run/pg&password=safe") == (
        "postgresql:///shop?host=%2Frun%2Fpg",
        "safe",
    )
    assert split_password("postgresql://host/shop") == ("postgresql://host/shop", None)


async def order_ids(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch("SELECT id::text FROM orders")
    await connection.close()
    return {row["id"] for row in rows}


async def insert_change(url: str, transaction_id: str) -> None:
    order_id = await insert_order(url)
    connection = await asyncpg.connect(url)
    await connection.execute(
        "INSERT INTO order_changes (order_id, to_status, cause, actor, xid)"
        " VALUES ($1, 'pending', 'c', 'a', $2::text::xid8)",
        order_id,
        transaction_id,
    )
    await connection.close()


async def visible_changes(url: str) -> int:
    connection = await asyncpg.connect(url)
    count: int = await connection.fetchval(
        "SELECT count(*) FROM order_changes WHERE pg_visible_in_snapshot(xid, pg_current_snapshot())"
    )
    await connection.close()
    return count


def test_a_backup_into_a_public_folder_is_ours_alone(run: Run, tmp_path: Path) -> None:
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o777)
    (public / "precious").write_text("precious")
    (public / "one.dump.partial").touch(0o666)
    (public / "two.dump.partial").symlink_to(public / "precious")
    (public / "three.dump").symlink_to(public / "precious")
    for name in ("one.dump", "two.dump"):
        assert run("db", "backup", public / name).code == 0
        assert stat.S_IMODE((public / name).stat().st_mode) == 0o600
        assert (public / name).read_bytes().startswith(b"PGDMP")
    assert run("db", "backup", public / "three.dump").code == 2
    assert (public / "one.dump.partial").stat().st_size == 0
    assert (public / "precious").read_text() == "precious"


def test_a_backup_goes_to_standard_output_and_can_be_restored(database_url: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "checkout_daemon", "db", "backup", "-"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2]), "DATABASE_URL": database_url},
        cwd=tmp_path, capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout[:5]) == (0, b"PGDMP"), ran.stderr
    assert b"protect it like the database" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_json_and_a_backup_do_not_share_standard_output(run: Run) -> None:
    assert run("db", "backup", "-", "--json").code == 2


NEIGHBOURS = """
    CREATE SCHEMA blog;
    CREATE TABLE blog.orders (note text);
    CREATE TABLE "Posts" (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, title text);
    CREATE INDEX links_of_posts ON "Posts" (title);
    CREATE TABLE orders_of_others (title text UNIQUE);
    CREATE SEQUENCE of_others;
    CREATE VIEW newest_posts AS SELECT title FROM "Posts";
    CREATE FUNCTION of_others() RETURNS integer LANGUAGE sql AS 'SELECT 1';
    INSERT INTO "Posts" (title) VALUES ('before');
    INSERT INTO orders_of_others VALUES ('before');
    INSERT INTO blog.orders VALUES ('before');
"""
AFTERWARDS = """
    INSERT INTO "Posts" (title) VALUES ('after');
    INSERT INTO orders_of_others VALUES ('after');
    INSERT INTO blog.orders VALUES ('after');
    SELECT nextval('of_others');
"""


@pytest.mark.parametrize("whole", [False, True])
def test_the_tables_of_others_are_neither_in_a_backup_nor_touched_by_a_restore(
    run: Run, database_url: str, tmp_path: Path, whole: bool
) -> None:
    """Backups once held the whole database: of such a one, only our tables are restored."""

    async def change(statements: str) -> None:
        connection = await asyncpg.connect(database_url)
        await connection.execute(statements)
        await connection.close()

    kept = go(insert_order(database_url))
    go(change(NEIGHBOURS))
    file = tmp_path / "shop.dump"
    if whole:
        dump_whole(database_url, file)
    else:
        assert run("db", "backup", file).code == 0
        assert b"orders_of_others" not in file.read_bytes()
    go(insert_order(database_url))
    go(change(AFTERWARDS))
    restored = run("db", "restore", file, "--yes")
    assert restored.code == 0, restored.err
    assert go(order_ids(database_url)) == {kept}
    for table in ('"Posts"', "orders_of_others", "blog.orders"):
        assert go(read_value(database_url, f"SELECT count(*) FROM {table}")) == 2
    assert go(read_value(database_url, "SELECT last_value FROM of_others")) == 1
    assert go(read_value(database_url, "SELECT count(*) FROM pg_indexes WHERE indexname = 'links_of_posts'")) == 1
    assert run("doctor", "--json").lines[0]["ok"]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_another_encoding_than_utf_8_is_refused(
    run_bare: Run, empty_database: str, environment: pytest.MonkeyPatch, encoding: str
) -> None:
    server, _, name = empty_database.rpartition("/")

    async def change(statement: str) -> None:
        admin = await asyncpg.connect(f"{server}/postgres")
        await admin.execute(statement)
        await admin.close()

    other = f"{name}_{encoding.lower()}"
    go(change(f"CREATE DATABASE {other} ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0"))
    environment.setenv("DATABASE_URL", f"{server}/{other}")
    refused = run_bare("db", "init")
    go(change(f"DROP DATABASE {other}"))
    assert refused.code == 2
    assert f"the database has the encoding {encoding}, and this program needs UTF8" in refused.err


def test_a_table_of_migrations_of_another_program_is_not_taken_for_ours(run_bare: Run, empty_database: str) -> None:
    async def change() -> None:
        connection = await asyncpg.connect(empty_database)
        await connection.execute("CREATE TABLE schema_migrations (version varchar PRIMARY KEY)")
        await connection.close()

    go(change())
    status = run_bare("db", "status", "--json")
    assert (status.code, status.json["version"]) == (1, 0)


def test_a_schema_of_its_own_keeps_the_shop_apart_from_tables_of_the_same_names(
    run_bare: Run, empty_database: str, tmp_path: Path
) -> None:
    async def change(*statements: str) -> None:
        connection = await asyncpg.connect(empty_database)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    name = empty_database.rpartition("/")[2]
    go(
        change(
            "CREATE TABLE orders (note text); INSERT INTO orders VALUES ('theirs')",
            "CREATE TABLE schema_migrations (version varchar PRIMARY KEY); CREATE SCHEMA checkout",
            f"ALTER DATABASE {name} SET search_path = checkout",
        )
    )
    assert run_bare("db", "init").code == 0
    kept = go(insert_order(empty_database))
    file = tmp_path / "shop.dump"
    assert run_bare("db", "backup", file).code == 0
    go(insert_order(empty_database))
    go(change("INSERT INTO public.orders VALUES ('newer')"))
    restored = run_bare("db", "restore", file, "--yes")
    assert restored.code == 0, restored.err
    assert go(order_ids(empty_database)) == {kept}
    assert go(read_value(empty_database, "SELECT count(*) FROM public.orders")) == 2
    assert run_bare("db", "status").code == 0
    assert run_bare("orders", "show", kept, "--json").json["id"] == kept
    assert "GRANT SELECT ON checkout.acts" in run_bare("db", "roles").out
