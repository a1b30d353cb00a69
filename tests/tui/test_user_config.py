"""`tui.toml`: own keys run with an order's fields, saved filters are tabs, and a wrong file stops nothing."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest
from click.testing import CliRunner

from checkout_daemon.settings.unknown import unknown_warnings
from cli import checkout
from tests.support.orders import add_order
from tests.tui.conftest import Sit
from tests.tui.test_goto import go
from tui.config_check import all_faults
from tui.own_commands import CommandBox
from tui.screens.order import OrderScreen
from tui.screens.orders import OrdersScreen
from tui.user_config import UserConfig, config_path, read_config

HOSTILE = """$(touch pwned) `touch pwned`; touch pwned & ' " \\ * {number} | touch pwned"""


def config(tmp_path: Path, text: str) -> UserConfig:
    path = tmp_path / "tui.toml"
    path.write_text(text)
    return read_config(path, time_zone="UTC")


def faults(tmp_path: Path, text: str) -> list[str]:
    return [fault.text.removeprefix(f"{tmp_path}/") for fault in all_faults(config(tmp_path, text))]


def test_it_lies_where_programs_are_configured() -> None:
    assert config_path({"HOME": "/home/ada"}) == Path("/home/ada/.config/checkout-daemon/tui.toml")
    assert config_path({"XDG_CONFIG_HOME": "/etc/xdg"}) == Path("/etc/xdg/checkout-daemon/tui.toml")
    assert config_path({"XDG_CONFIG_HOME": "here", "HOME": "/home/ada"}).is_relative_to("/home/ada")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("keys = [", "tui.toml:1: this is not TOML"),
        ("[colours]", "tui.toml:1: there is no 'colours': allowed are [[keys]], [[tabs]], [[columns]]"),
        ("[keys]\nkey = 'f5'", "tui.toml:1: write [[keys]], with two brackets"),
        ("[[keys]]\nname = 'x'\nrun = 'true'", "tui.toml:1: [[keys]] needs 'key'"),
        ("\n[[keys]]\nkey = 'f25'\nname = 'x'\nrun = 'true'", "tui.toml:3: 'f25' is no key: allowed are a character"),
        ("[[keys]]\nkey = 'f5'\nname = 'x'\nrun = 'true'\nread = true", "tui.toml:5: there is no 'read' in [[keys]]"),
        ("[[keys]]\nkey = 'f5'\nname = 'x'\nrun = 'true'\nreads = 1", "tui.toml:5: reads must be true or false"),
        (
            "[[keys]]\nkey = 'f5'\nname = 'x'\nrun = 'true'\nwhere = 'up'",
            "tui.toml:5: there is no 'up': allowed are box",
        ),
        ("[[keys]]\nkey = 'f5'\nname = 'x'\nrun = 'true'\nscreens = ['on']", "tui.toml:5: there is no screen 'on'"),
        ("[[keys]]\nkey = 'f5'\nname = 'x'\nrun = 'say {number}'", 'write "$CHECKOUT_ORDER_NUMBER", with the quotes'),
        ("[[keys]]\nkey = 'r'\nname = 'x'\nrun = 'true'", "tui.toml:2: key r is taken on Orders: Resend the links"),
        ("[[keys]]\nkey = '3'\nname = 'x'\nrun = 'true'", "tui.toml:2: key 3 is taken on Orders: Switch to a saved"),
        ("[[keys]]\nkey = ':'\nname = 'x'\nrun = 'true'", "tui.toml:2: key : is taken on Orders: Go anywhere"),
        ("[[tabs]]\nname = 'x'\nfilter = 'statu:failed'", "tui.toml:3: "),
        ("[[columns]]\nname = 'x'\nfield = 'colour'", "tui.toml:3: an order has no field 'colour': allowed are id, "),
        ("[[columns]]\nname = 'total'\nfield = 'id'", "tui.toml:2: there is a column 'total' already"),
        ("[[columns]]\nname = 'X y'\nfield = 'id'", "tui.toml:2: name must be of a to z"),
        ("[[columns]]\nname = 'x'\nfield = 'id'\nwidth = 200", "tui.toml:4: width must be from 4 to 60"),
        ("[[columns]]\nname = 'x'\nfield = 'id'\nwidth = true", "tui.toml:4: width must be a whole number"),
        ("[[columns]]\nname = 'x'\nfield = 'id'\n[[columns]]\nname = 'x'\nfield = 'id'", "tui.toml:5: there is a"),
        ("[[tabs]]\nname = 'x'\n[[tabs]]\nname = 'y'\nfilter = 'bo'", "tui.toml:1: [[tabs]] needs 'filter'"),
    ],
)
def test_a_fault_names_its_line_and_what_is_allowed(tmp_path: Path, text: str, fault: str) -> None:
    assert fault in faults(tmp_path, text)[0]


def test_what_is_right_beside_a_fault_is_used(tmp_path: Path) -> None:
    read = config(tmp_path, "[[tabs]]\nname = 'x'\n[[tabs]]\nname = 'Bo'\nfilter = 'bo@'\n")
    assert [tab.name for tab in read.tabs] == ["Bo"]
    assert len(read.faults) == 1
    shell = "[[keys]]\nkey = 'f5'\nname = 'x'\nrun = 'echo ${CHECKOUT_ORDER_ID} {a,b}; awk \"{print}\"'"
    assert faults(tmp_path, shell) == []


def test_a_taken_key_is_named_besides_another_fault(tmp_path: Path) -> None:
    for more in ("run = 'say {number}'", "run = 'true'\nread = true", "run = 'true'\nwhere = 'up'"):
        found = faults(tmp_path, f"[[keys]]\nkey = 'r'\nname = 'x'\n{more}")
        assert len(found) == 3  # two screens use the key
        assert sum("key r is taken" in fault for fault in found) == 2


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    read = config(tmp_path, "\ufeff[[tabs]]\nname = 'Bo'\nfilter = 'bo@'\n")
    assert ([tab.name for tab in read.tabs], read.faults) == (["Bo"], ())


def test_the_example_has_no_fault() -> None:
    example = read_config(Path(__file__).parents[2] / "tui" / "tui.toml", time_zone="UTC")
    assert all_faults(example) == []
    assert (len(example.keys), len(example.tabs), len(example.columns)) == (2, 2, 2)


def test_the_command_prints_each_fault_or_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text("[[keys]]\nkey = 'f5'\nname = 'x'\nrun = 'true'\n[[tabs]]\nname = 'Bo'\nfilter = 'bo@'\n")
    bad.write_text("[[keys]]\nkey = 'f2'\nname = 'x'\nrun = 'true'\n")
    ran = CliRunner().invoke(checkout, ["tui", "--check-config", "--config", str(good)], standalone_mode=False)
    assert (ran.return_value, ran.stdout) == (0, f"{good}: 1 key, 1 saved filter: all is well\n")
    ran = CliRunner().invoke(checkout, ["tui", "--check-config", "--config", str(bad)], standalone_mode=False)
    assert ran.return_value == 1
    assert ran.stdout.startswith(f"{bad}:2: key F2 is taken on Orders: ")
    none = str(tmp_path / "none.toml")
    ran = CliRunner().invoke(checkout, ["tui", "--check-config", "--config", none], standalone_mode=False)
    assert (ran.return_value, ran.stdout) == (1, f"{none}: there is no such file\n")


async def test_an_own_key_runs_with_the_orders_fields_and_no_name_runs_anything(
    connection: asyncpg.Connection, sit: Sit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    await add_order(connection, customer_name=HOSTILE)
    run = (
        'printf "%s|%s" "$CHECKOUT_ORDER_NUMBER" "$CHECKOUT_ORDER_CUSTOMER_NAME" > told; '
        "echo $CHECKOUT_ORDER_CUSTOMER_NAME > unquoted; printf 'seen \\033[2J\\n'; exit 3"
    )
    read = config(tmp_path, f"[[keys]]\nkey = 'f5'\nname = 'Tell'\nrun = '''{run}'''\n")
    assert all_faults(read) == []
    async with sit(config=read) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("f5")
        await seat.screen_of(CommandBox)
        await seat.sees("Tell: order 1001", "seen �[2J", "Ended with 3")
        await seat.press("escape", "enter")
        await seat.screen_of(OrderScreen)
        await seat.press("question_mark", "end")
        await seat.sees("Tell: printf")
    assert (tmp_path / "told").read_text() == f"1001|{HOSTILE}"
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("left", ["{0}", "({0}) &"])
async def test_leaving_the_box_stops_what_runs(
    connection: asyncpg.Connection, sit: Sit, tmp_path: Path, left: str
) -> None:
    await add_order(connection)
    run = left.format(f"trap 'echo stopped > {tmp_path}/stopped; exit 0' TERM; echo begun; sleep 600 & wait")
    read = config(tmp_path, f'[[keys]]\nkey = "ctrl+x"\nname = "Wait"\nrun = "{run}"\n')
    async with sit(config=read) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("ctrl+x")
        await seat.sees("begun")
        await seat.press("escape")
        await seat.screen_of(OrdersScreen)
        await seat.until((tmp_path / "stopped").exists)


async def test_read_only_runs_only_what_reads(connection: asyncpg.Connection, sit: Sit, tmp_path: Path) -> None:
    await add_order(connection)
    keys = "[[keys]]\nkey = 'f5'\nname = 'Writes'\nrun = 'echo a'\n"
    keys += "[[keys]]\nkey = 'f6'\nname = 'Reads'\nrun = 'echo b'\nreads = true\n"
    async with sit(config=config(tmp_path, keys), read_only=True) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.press("f5")
        await seat.sees("This terminal is read-only.")
        assert isinstance(seat.app.screen, OrdersScreen)
        await seat.press("f6")
        await seat.sees("Reads: order 1001", "· b", "Done")


async def test_saved_filters_are_tabs_and_places(connection: asyncpg.Connection, sit: Sit, tmp_path: Path) -> None:
    for status in ("failed", "pending", "failed"):
        await add_order(connection, status=status)
    read = config(tmp_path, "[[tabs]]\nname = 'In trouble'\nfilter = 'status:failed'\n")
    async with sit(config=read) as seat:
        await seat.until(lambda: seat.numbers() == [1003, 1002, 1001])
        await seat.sees("1 In trouble")
        await seat.press("1")
        await seat.until(lambda: seat.numbers() == [1003, 1001])
        await seat.sees("▸1 In trouble", "$ checkout orders list --filter status:failed")
        await seat.press("0")
        await seat.until(lambda: seat.numbers() == [1003, 1002, 1001])
        await go(seat, "in-trouble")
        await seat.until(lambda: seat.numbers() == [1003, 1001])


async def test_a_wrong_file_is_told_and_stops_nothing(connection: asyncpg.Connection, sit: Sit, tmp_path: Path) -> None:
    await add_order(connection)
    read = config(tmp_path, "[[keys]]\nkey = 'x'\nname = 'x'\nrun = 'true'\n[[tabs]]\nname = 'y'\n")
    async with sit(size=(200, 40), config=read) as seat:
        await seat.until(lambda: seat.numbers() == [1001])
        await seat.until(lambda: any("key x is taken on Orders" in one.message for one in seat.app._notifications))
        assert any("--check-config" in one.message for one in seat.app._notifications)


def test_what_a_command_finds_in_its_environment_is_no_misspelled_setting(tmp_path: Path) -> None:
    assert unknown_warnings({"CHECKOUT_ORDER_NUMBER": "1001", "CHECKOUT_ORDER_PAID_AT": ""}, cwd=tmp_path) == []
