"""The exit codes of docs/CLI.md, over every command: usage 2, and 5 where the database does not answer."""

from __future__ import annotations

import pytest

import cli
from checkout_daemon.checkout.placing import CheckoutAnswer
from checkout_daemon.runtime import Runtime
from tests.commands.conftest import KEY, Do, Run
from tests.commands.every_command import AT_STRIPE, READING, WRITING
from tests.support.shopping import check_out, paid_order
from tools.exit_codes import MEANINGS, exit_codes
from tools.manual import walk

COMMANDS = {path.removeprefix("checkout "): command for path, command in walk(cli.checkout, "checkout")}
NOWHERE = "postgresql://shop@127.0.0.1:1/shop"
# They stand for what the tables of commands create.
NAMES = {
    "ORDER": "1001",
    "OTHER": "1002",
    "EVENT": "evt_1",
    "MESSAGE": "ac605ade-9d55-401f-8775-372ec2a8ea7b",
    "SESSION": "cs_test_1",
    "BATCH": "1",
    "PROPOSAL": "1",
    "URL": "https://shop.example/api/webhook",
}
# They read a file first, or print what they have done until then.
OTHER_FIRST = {"catalog import", "db restore", "events backfill", "payouts export"}


@pytest.fixture
def without_database(run_bare: Run, environment: pytest.MonkeyPatch) -> Run:
    environment.setenv("DATABASE_URL", NOWHERE)
    environment.setenv("STRIPE_API_KEY", KEY)
    environment.setenv("STRIPE_API_BASE", "http://127.0.0.1:1")
    return run_bare


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_is_2_in_one_line(run_bare: Run, name: str) -> None:
    ran = run_bare(*name.split(), "--no-such-option")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith("error: No such option")
    assert f"`checkout {name} --help`" in ran.err


@pytest.mark.parametrize("name", [name for name in {**READING, **WRITING} if name not in OTHER_FIRST])
@pytest.mark.parametrize("more", [[], ["--json"]], ids=["text", "json"])
def test_a_database_that_does_not_answer_is_5_in_one_line(without_database: Run, name: str, more: list[str]) -> None:
    line = (READING | WRITING)[name]
    yes = ["--yes"] if any("--yes" in option.opts for option in COMMANDS[name].params) else []
    ran = without_database(*[NAMES.get(word, word) for word in line.text.split()], *yes, *more)
    assert (ran.code, ran.out) == (5, ""), ran.err
    errors = [text for text in ran.err.splitlines() if text.startswith("error: ")]
    assert (len(errors), "Traceback" in ran.err) == (1, False)


@pytest.mark.parametrize("line", ["orders refund 1001", "orders cancel 1002 --no-restock", "sessions expire 1002"])
@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--yes", "--json"]], ids=["asked", "dry run", "done"])
def test_an_order_of_the_other_mode_is_4_before_anything_is_asked_or_done(
    run: Run, do: Do, line: str, more: list[str]
) -> None:
    do(paid_order)
    do(_check_out_and_turn_live)
    ran = run(*line.split(), *more)
    assert (ran.code, ran.out, "a key of the other mode" in ran.err) == (4, "", True), ran.err


async def _check_out_and_turn_live(runtime: Runtime) -> CheckoutAnswer:
    answer = await check_out(runtime)
    async with runtime.database.connection() as connection:
        await connection.execute("UPDATE orders SET livemode = true")
    return answer


def test_the_man_pages_know_the_exit_codes_of_every_command() -> None:
    known = {name: exit_codes(name, command) for name, command in COMMANDS.items()}
    assert all({0, 1, 2, 130, 143} <= {*codes} <= {*MEANINGS} for codes in known.values())
    assert {name for name in {**READING, **WRITING} if 5 not in known[name]} == set()
    assert {name for name in {**WRITING, **AT_STRIPE} if 4 not in known[name]} == set()
    named = ("ORDER", "EVENT", "MESSAGE", "BATCH", "SESSION")
    lines = {**READING, **WRITING}
    assert {name for name, line in lines.items() if {*line.text.split()} & {*named} and 3 not in known[name]} == set()
    assert (known["settings"], known["completion"]) == ([0, 1, 2, 130, 143], [0, 1, 2, 130, 143])
