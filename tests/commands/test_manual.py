"""docs/CLI.md is current, and the command lines in the documents parse."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import cli
from checkout_daemon.orders.query_keys import KEYS
from tools.manual import help_parts, manual, walk

ROOT = Path(__file__).parents[2]
COMMANDS = dict(walk(cli.checkout, "checkout"))
_INLINE = re.compile(r"`((?:\.venv/bin/)?checkout [^`]+)`")
_BLOCK = re.compile(r"^(?: {4}|> )?(?:\$ )?((?:[A-Z_]+=\S+ )*(?:\.venv/bin/)?checkout [a-z].*)$")
_SHELL_GOES_ON = {"|", "||", "&&", ";", ">", ">>", "2>", "<"}


def test_the_manual_is_current() -> None:
    """To update it: make manual."""
    assert (ROOT / "docs" / "CLI.md").read_text(encoding="utf-8") == manual(cli.checkout)


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_has_examples_of_itself_that_parse(path: str) -> None:
    description, examples = help_parts(COMMANDS[path])
    assert description
    assert path in examples
    for line in examples.splitlines():
        parse(line)


def test_the_help_names_every_key_of_the_filter_language() -> None:
    listed = (COMMANDS["checkout orders list"].help or "").partition("The keys are ")[2].partition("\n\n")[0]
    words = {*re.findall(r"\w+", re.sub(r"\([^)]*\)", "", listed))}  # without what they take
    assert words - {"and", "of", "one", "attempt", "to", "pay"} == set(KEYS)


def written() -> Iterator[tuple[str, str]]:
    """Yield the place and the text of command lines in the documents: in code blocks and between backticks."""
    documents = {ROOT / "README.md", *(ROOT / "docs").glob("*.md")} - {ROOT / "docs" / "CLI.md"}
    for file in sorted(documents):
        fenced = False
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if line.startswith("```"):
                fenced = not fenced
            found = _INLINE.findall(line)
            if fenced or line.startswith("    "):
                found += _BLOCK.findall(line)
            yield from ((f"{file.name}:{number}", example) for example in found)


def test_what_the_documents_tell_to_type_parses() -> None:
    lines = list(written())
    assert len(lines) > 20
    faults = []
    for where, line in lines:
        try:
            parse(line)
        except click.UsageError as error:
            faults.append(f"{where}: {line}: {error.format_message()}")
    assert faults == []


def test_what_is_none_of_ours_does_not_parse() -> None:
    for line in ("checkout orders lst", "checkout orders list --sttus x", "checkout doctor now", "checkout nothing"):
        with pytest.raises(click.UsageError):
            parse(line)


def parse(line: str) -> None:
    """Parse the line as the command does, without running it. Skip placeholders such as [ORDER] and …."""
    line = re.sub(r"\$\([^)]*\)", "word", line)
    words = shlex.split(re.sub(r"[\[\]]|…", " ", line), comments=True)
    while not words[0].endswith("checkout"):
        words.pop(0)  # NAME=value
    end = next((place for place, word in enumerate(words) if word in _SHELL_GOES_ON), len(words))
    words = words[1:end]
    command: click.Command = cli.checkout
    context = click.Context(command, info_name="checkout")
    while words and isinstance(command, click.Group) and not words[0].startswith("-"):
        name = words.pop(0)
        found = command.get_command(context, name)
        if found is None:
            raise click.UsageError(f"there is no command {name!r}")
        command, context = found, click.Context(found, parent=context, info_name=name)
    _, rest, _ = command.make_parser(context).parse_args(words)
    if rest:
        raise click.UsageError(f"{rest} are too many words")
