"""The program as a whole: help, exit codes, one-line errors, and what a start imports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from keyword import iskeyword
from pathlib import Path

import click
import pytest

import cli
from checkout_daemon import __version__
from tests.commands.conftest import Run

_RUNNING = {"dev", "serve", "sandbox", "tui", "mcp"}  # for a person, until they are stopped


def commands(group: click.Group = cli.checkout, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{path}{name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")


ALL = dict(commands())


@pytest.mark.parametrize("name", ALL)
def test_every_command_has_one_line_of_help_and_an_example(name: str) -> None:
    command = ALL[name]
    help_text = command.help or ""
    assert f"checkout {name.split()[0]}" in help_text.partition("Example:")[2]
    assert not command.get_short_help_str(limit=60).endswith("...")


@pytest.mark.parametrize("name", ALL)
def test_every_command_is_a_function_of_its_name_in_a_module_of_its_group(name: str) -> None:
    function = ALL[name].callback
    assert function is not None
    assert function.__name__ == (f"{name}_" if iskeyword(name) else name.replace(" ", "_"))
    if " " in name:
        assert function.__module__.rpartition(".")[2].split("_")[0] == name.split()[0]


@pytest.mark.parametrize(
    "name", [name for name, command in ALL.items() if not isinstance(command, click.Group) and name not in _RUNNING]
)
def test_every_command_that_answers_has_json(name: str) -> None:
    assert "--json" in [option for parameter in ALL[name].params for option in parameter.opts]


def test_the_readme_names_the_commands_without_json() -> None:
    readme = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")
    (named,) = re.findall(r"^Every command but (.+?) takes `--json`\.", readme, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", named)) == _RUNNING


def test_help_lists_every_command_with_its_own_line(run_bare: Run) -> None:
    listed = run_bare("--help").out.partition("Commands:")[2].split("\n")[1:-1]
    own = {name: command.get_short_help_str(60) for name, command in cli.checkout.commands.items()}
    assert {tuple(line.strip().split(maxsplit=1)) for line in listed} == set(own.items())


def test_help_fits_80_columns(run_bare: Run) -> None:
    helps = [run_bare(*name.split(), "--help").out for name in ALL]
    assert max(len(line) for text in helps for line in text.splitlines()) <= 80


def test_the_order_terminal_refuses_to_start_without_a_terminal(run_bare: Run) -> None:
    ran = run_bare("tui")
    assert (ran.code, ran.out) == (2, "")
    assert "this needs a terminal; without one, `checkout orders watch`" in ran.err


def test_version(run_bare: Run) -> None:
    assert run_bare("--version").out == f"checkout, version {__version__}\n"


def test_declarations_import_click_and_none_of_what_commands_need() -> None:
    names = "asyncpg aiohttp rich stripe msgspec asyncio babel textual dotenv checkout_daemon.errors"
    code = f"import sys, cli; [*cli.checkout.commands.values()]; print(sys.modules.keys() & {set(names.split())!r})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "set()\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["orders", "list", "--foo"], "--foo"),
        (["orders", "show"], "ORDER"),
        (["orders", "list", "--status", "sold"], "sold"),
        (["orders", "list", "--limit", "0"], "--limit"),
        (["orders", "list", "--since", "tomorrow"], "--since"),
        (["orders", "list", "--order", "1001", "--search", "ada"], "--search"),
        (["orders", "list", "--until", "2026-13-01"], "--until"),
        (["orders", "watch", "--since", "9w9"], "--since"),
        (["orders", "ack", "1", "paid_thrice"], "paid_thrice"),
        (["orders", "refund", "1", "--amount", "0"], "--amount"),
        (["orders", "refund", "1", "--reason", "regret"], "regret"),
        (["sessions", "resend"], "--status"),
        (["sessions", "resend", "1", "--status", "expired"], "--status"),
        (["sessions", "resend", "1", "--rate", "2"], "--rate"),
        (["sessions", "resend", "1", "2", "--qr"], "--qr"),
        (["orders", "refund"], "--from-file"),
        (["orders", "refund", "1", "2", "--payment", "pi_1"], "--payment"),
        (["orders", "refund", "1", "--email", "ada@example.com"], "not both"),
        (["sessions", "resend", "--status", "completed"], "completed"),
        (["events", "list", "--since", "x"], "--since"),
        *[(["batches", name, "9" * 20], "at most 18 digits") for name in ("show", "resume", "stop")],
        *[(["proposals", name, "9" * 20], "at most 18 digits") for name in ("show", "approve", "reject")],
        (["nothing"], "nothing"),
        (["db", "restore", "/no/such/file"], "/no/such/file"),
        (["completion", "tcsh"], "tcsh"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(run: Run, arguments: list[str], message: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert ran.err.startswith("error: ")
    assert message in ran.err


@pytest.mark.parametrize("arguments", [[], ["orders"], ["db"]])
def test_a_group_alone_shows_what_there_is(run_bare: Run, arguments: list[str]) -> None:
    ran = run_bare(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Commands:" in ran.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["orders", "list"],
        ["orders", "show", "1", "--json"],
        ["orders", "watch"],
        ["events", "tail"],
        ["orders", "explain", "1"],
        ["events", "replay", "evt_1"],
        ["orders", "note", "1", "text"],
        ["orders", "refund", "1", "--yes"],
        ["orders", "cancel", "1", "--yes"],
        ["sessions", "resend", "1", "--json"],
        ["sessions", "resend", "--status", "expired"],
        ["sessions", "expire", "1", "--yes"],
        ["orders", "ack", "1", "paid_twice", "--json"],
        ["events", "list"],
        ["events", "show", "evt_1"],
        ["catalog", "list"],
        ["catalog", "export"],
        ["db", "status"],
        ["db", "migrate", "--json"],
    ],
)
def test_an_unreachable_database_is_exit_5_and_reported(
    run_bare: Run, environment: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    environment.setenv("DATABASE_URL", "postgresql://shop:verysecret@127.0.0.1:1/shop")
    environment.setenv("STRIPE_API_KEY", "sk_test_program0123456789")
    ran = run_bare(*arguments)
    assert (ran.code, ran.out, ran.err.count("\n")) == (5, "", 1)
    assert ran.err.startswith("error: the database does not answer: Connection refused; start it, or correct")
    assert "verysecret" not in ran.err


@pytest.mark.parametrize(
    "arguments",
    [["orders", "list", "--search", "\udcff"], ["orders", "show", "\udcff@x"], ["events", "show", "\udcff"]],
)
def test_bytes_that_are_no_text_are_wrong_usage(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out, ran.err) == (2, "", "error: an argument is not valid UTF-8 text\n")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_what_is_piped_is_utf_8_whatever_the_locale(encoding: str) -> None:
    environ = {**os.environ, "PYTHONIOENCODING": encoding}
    name = "Zoë €"
    code = f"import cli, click, sys; cli.run = lambda: click.echo({name!r}); cli.main()"
    ran = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, check=True, timeout=30)
    assert ran.stdout.decode() == f"{name}\n"


def test_an_output_without_room_is_one_line_and_a_closed_one_none(database_url: str, tmp_path: Path) -> None:
    environ = {**os.environ, "DATABASE_URL": database_url}

    def ran(redirected: str) -> subprocess.CompletedProcess[str]:
        line = f"{sys.executable} -P -m checkout_daemon orders export {redirected}"
        return subprocess.run(
            ["sh", "-c", line], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
        )

    full, closed = ran(">/dev/full"), ran(">&-")
    assert (full.returncode, full.stderr) == (1, "error: the output could not be written: No space left on device\n")
    assert (closed.returncode, closed.stderr) == (0, "")


def test_no_database_at_all_names_the_setting_and_exits_2(run_bare: Run) -> None:
    ran = run_bare("orders", "list")
    assert ran.code == 2
    assert "DATABASE_URL" in ran.err
    assert "checkout dev" in ran.err


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://a:verysecret@h:port/x", "just text"])
def test_what_is_no_database_url_is_exit_2_without_its_text(
    run_bare: Run, environment: pytest.MonkeyPatch, url: str
) -> None:
    environment.setenv("DATABASE_URL", url)
    ran = run_bare("orders", "list")
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "verysecret" not in ran.err


def test_the_settings_of_a_demo_are_found_in_its_folder(run_bare: Run, database_url: str) -> None:
    Path(".checkout").mkdir()
    Path(".checkout/dev.env").write_text(f"DATABASE_URL={database_url}\n")
    assert run_bare("orders", "list", "--json").code == 0


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_shell_s_script(run_bare: Run, shell: str) -> None:
    ran = run_bare("completion", shell)
    assert ran.code == 0
    assert "_CHECKOUT_COMPLETE" in ran.out
    assert run_bare("completion", shell, "--json").json["script"].strip() == ran.out.strip()


def test_completion_knows_commands_and_options() -> None:
    def complete(words: str) -> list[str]:
        environ = {**os.environ, "_CHECKOUT_COMPLETE": "bash_complete", "COMP_WORDS": words}
        environ["COMP_CWORD"] = str(len(words.split(" ")) - 1)
        ran = subprocess.run(
            [sys.executable, "-m", "checkout_daemon"],
            env=environ,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        return [line.partition(",")[2] for line in ran.stdout.splitlines()]

    assert complete("checkout ord") == ["orders"]
    assert complete("checkout orders list --at") == ["--attention"]
    assert complete("checkout orders list --status par") == ["partially_refunded"]
