"""The commands that messages to operators name exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import cli
from checkout_daemon import commands
from checkout_daemon.messages import alerting
from checkout_daemon.model.orders import AttentionCode, attention_command
from checkout_daemon.operations import doctor

DOCTOR = [
    line
    for module in Path(doctor.__file__).parent.glob("*.py")
    for line in re.findall(r'"(checkout [a-z][^"{]*)"', module.read_text())
]
NAMED = re.findall(r'"(checkout [^"]+)"', Path(alerting.__file__).read_text())
ADVISED = [attention_command(code, "pi_1", 1001) for code in AttentionCode]
PRINTED = [
    line
    for module in Path(commands.__file__).parent.glob("*.py")
    for line in re.findall(r"`(checkout [a-z ]+ (?:--|[A-Z])[^`{]*)`", module.read_text())
]


@pytest.mark.parametrize("line", sorted({*NAMED, *ADVISED, *DOCTOR, *PRINTED}))
def test_a_command_that_is_named_can_be_typed(line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in ("BACKUP", "FILE"):
        (tmp_path / file).touch()
    monkeypatch.chdir(tmp_path)
    _, *words = line.partition(" > ")[0].split()
    command: click.Command = cli.checkout
    while isinstance(command, click.Group):
        command = command.commands[words.pop(0)]
    command.make_context(command.name, words)  # raises UsageError for what it does not take


def test_every_alert_names_one() -> None:
    assert len(NAMED) == 6
