"""Invisible characters that come with pasted text are removed from arguments."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from checkout_daemon.commands.typed import TERM, Number, OneOf, Whole
from cli import checkout
from tools.manual import walk

FREE = {
    "note",
    "text",
    "search",
    "filter_text",
    "unix_socket",
    "host",
    "names",
    "changes",
}  # words, names of files and machines


@pytest.mark.parametrize("mark", ["\u200b", "\u00a0", "\ufeff", "\u202a"])
def test_numbers_words_and_terms_are_cleaned(mark: str) -> None:
    @click.command()
    @click.argument("term", type=TERM)
    @click.option("--count", type=Whole(1))
    @click.option("--rate", type=Number(0.5))
    @click.option("--kind", type=OneOf(("a-b", "c")))
    def command(term: str, count: int, rate: float, kind: str) -> None:
        click.echo(f"{term}|{count}|{rate}|{kind}")

    arguments = [
        f"{mark}evt_1{mark}",
        "--count",
        f"{mark}１２{mark}",
        "--rate",
        f"1.5{mark}",
        "--kind",
        f"a\u2011b{mark}",
    ]
    assert CliRunner().invoke(command, arguments).output == "evt_1|12|1.5|a-b\n"


@pytest.mark.parametrize("text", ["1_0", "1e1", "0x10", "1.0", "ten", "²", ""])
def test_a_whole_number_is_digits(text: str) -> None:
    @click.command()
    @click.option("--count", type=Whole(1))
    def command(count: int) -> None:
        click.echo(count)

    ran = CliRunner().invoke(command, ["--count", text])
    assert (ran.exit_code, "not a whole number" in ran.output) == (2, True)


@pytest.mark.parametrize("text", ["9223372036854775807", "99999999999999999999", "+9223372036854775807"])
def test_a_whole_number_fits_into_the_database(text: str) -> None:
    @click.command()
    @click.option("--count", type=Whole(1))
    def command(count: int) -> None:
        click.echo(count)

    ran = CliRunner().invoke(command, ["--count", text])
    assert (ran.exit_code, "is too large" in ran.output) == (2, True)
    assert CliRunner().invoke(command, ["--count", "9" * 18]).output == "9" * 18 + "\n"


@pytest.mark.parametrize("text", ["1_0", "nan", "inf", "ten"])
def test_a_number_is_finite(text: str) -> None:
    @click.command()
    @click.option("--rate", type=Number(0.5))
    def command(rate: float) -> None:
        click.echo(rate)

    assert CliRunner().invoke(command, ["--rate", text]).exit_code == 2


@pytest.mark.parametrize(
    ("path", "parameter"),
    [(path, parameter) for path, command in walk(checkout, "checkout") for parameter in command.params],
)
def test_every_parameter_is_cleaned_or_free(path: str, parameter: click.Parameter) -> None:
    free = isinstance(parameter.type, click.Path) or parameter.name in FREE
    flag = isinstance(parameter, click.Option) and (parameter.is_flag or parameter.count)
    assert free or flag or isinstance(parameter.type, (type(TERM), Whole, Number, OneOf)), (path, parameter.name)
