"""`checkout shop`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import cli

GOOD = 'name = "Tea"\n[links]\nimprint = "/imprint.html"\n[texts.de]\nheading = "Tee"\n'


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `checkout shop …` and return the exit code, stdout and stderr."""

    def command(*arguments: str) -> tuple[int, str, str]:
        code = cli.run(["shop", *arguments])
        return code, *capsys.readouterr()

    return command


def test_check_names_every_fault_with_its_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('name = 3\n[links]\nterms = "x"\n')
    code, out, err = run("check", str(file))
    assert code == 1
    assert out.splitlines()[0] == f"{file}: line 1: name must be a text in quotes, not 3"
    assert len(out.splitlines()) == 2
    assert err == f"error: 2 faults in {file}\n"
    code, out, _ = run("check", "--json", str(file))
    assert [json.loads(line)["line"] for line in out.splitlines()] == [1, 3]


def test_check_accepts_a_good_file_and_reads_the_settings_one(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shop.toml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    assert run("check", "shop.toml")[:2] == (0, "shop.toml has no faults: Tea, in en, de\n")
    assert run("check")[0] == 2
    monkeypatch.setenv("CHECKOUT_SHOP_FILE", "shop.toml")
    assert json.loads(run("check", "--json")[1]) == {"file": "shop.toml", "name": "Tea", "languages": ["en", "de"]}


def test_show_has_what_pages_and_mails_have(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.toml").write_text(GOOD)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CHECKOUT_SHOP_FILE", "shop.toml")
    code, out, _ = run("show")
    assert code == 0
    assert "Name      Tea" in out
    assert "heading   Tee" in out
    shown = json.loads(run("show", "--json")[1])
    assert (shown["name"], shown["currency"], shown["links"]) == ("Tea", "eur", {"imprint": "/imprint.html"})
    monkeypatch.setenv("CHECKOUT_SHOP_NAME", "Other")
    assert json.loads(run("show", "--json")[1])["name"] == "Other"
