"""`checkout settings`, and the warnings about variables that are not settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checkout_daemon.settings.table import NAMES, ROWS
from tests.commands.conftest import Run


def test_every_setting_is_a_line_with_its_value_and_source(run_bare: Run, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_URL", "postgresql://u:S3CR3T@db.example/shop")
    environment.setenv("STRIPE_API_KEY_FILE", "key")
    Path("key").write_text("sk_test_S3CR3T\n")
    Path(".env").write_text("CHECKOUT_PORT=9000\n")
    ran = run_bare("settings", "--json")
    lines = {line["name"]: line for line in ran.lines}
    assert (ran.code, ran.err, "S3CR3T" in ran.out) == (0, "", False)
    assert list(lines) == [row.name for row in ROWS.values()]
    shown = {name: (line["value"], line["source"], line["file"]) for name, line in lines.items()}
    assert shown["DATABASE_URL"] == ("postgresql://u@db.example/shop", "environment", None)
    assert shown["STRIPE_API_KEY"] == (None, "environment", "key")
    assert shown["CHECKOUT_PORT"] == ("9000", ".env", None)
    assert shown["CHECKOUT_PUBLIC_URL"] == ("http://127.0.0.1:9000", "default", None)


def test_people_read_a_table_in_which_secrets_are_hidden(run_bare: Run, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("STRIPE_API_KEY", "sk_test_S3CR3T")
    ran = run_bare("settings")
    rows = {line.split()[0]: line.split() for line in ran.out.splitlines() if line.strip()}
    assert rows["STRIPE_API_KEY"][1:] == ["(hidden)", "environment"]
    assert rows["CHECKOUT_RATE_LIMIT"][1:] == ["600", "default"]
    assert rows.keys() >= NAMES
    assert "S3CR3T" not in ran.out + ran.err


def test_faulty_settings_are_shown_with_all_others_and_the_exit_code_is_2(
    run_bare: Run, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CHECKOUT_PORT", "x")
    environment.setenv("STRIPE_API_KEY", "S3CR3T")
    ran, as_json = run_bare("settings"), run_bare("settings", "--json")
    assert (ran.code, as_json.code) == (2, 2)
    assert "error: CHECKOUT_PORT must be a whole number from 0 to 65535, not 'x'\n" in ran.err
    assert ran.out.count("FAULT") == 2
    faulty = {line["name"]: line["value"] for line in as_json.lines if line["fault"]}
    assert faulty == {"STRIPE_API_KEY": None, "CHECKOUT_PORT": None}
    assert "S3CR3T" not in ran.out + ran.err + as_json.out + as_json.err


def test_a_misspelled_setting_is_a_warning_on_stderr(run_bare: Run, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CHECKOUT_RATE_LIMTI", "5")
    warning = "warning: CHECKOUT_RATE_LIMTI in the environment is not a setting: did you mean CHECKOUT_RATE_LIMIT?\n"
    settings, doctor = run_bare("settings", "--json"), run_bare("doctor", "--json")
    assert (settings.err, settings.code) == (warning, 0)
    assert doctor.err.startswith(warning)
    assert "LIMTI" not in settings.out + doctor.out


def test_a_demo_that_is_not_used_is_named_with_the_reason(run_bare: Run, environment: pytest.MonkeyPatch) -> None:
    Path(".checkout").mkdir(mode=0o700)
    Path(".checkout/dev.env").write_text("STRIPE_API_KEY=sk_test_demo\nCHECKOUT_PUBLIC_URL=http://127.0.0.1:1\n")
    demo = {line["name"]: line["source"] for line in run_bare("settings", "--json").lines}
    assert (demo["STRIPE_API_KEY"], demo["CHECKOUT_PUBLIC_URL"]) == ("dev.env", "dev.env")
    environment.setenv("STRIPE_API_KEY", "sk_test_other")
    ran = run_bare("settings", "--json")
    assert ran.err == "note: dev.env of the demo is not used, because STRIPE_API_KEY is set\n"
    assert {line["source"] for line in ran.lines} == {"environment", "default"}


def test_what_the_shop_s_file_decides_has_it_as_its_source(
    run_bare: Run, environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "shop.toml"
    file.write_text('name = "Tea"\ncurrency = "usd"\n', encoding="utf-8")
    environment.setenv("CHECKOUT_SHOP_FILE", str(file))
    environment.setenv("CHECKOUT_CURRENCY", "chf")
    shown = {line["name"]: (line["value"], line["source"]) for line in run_bare("settings", "--json").lines}
    assert shown["CHECKOUT_SHOP_NAME"] == ("Tea", "shop.toml")
    assert shown["CHECKOUT_CURRENCY"] == ("chf", "environment")
    assert shown["CHECKOUT_LOCALE"] == ("en", "default")
    assert re.search(r"CHECKOUT_SHOP_NAME\s+Tea\s+shop\.toml\n", run_bare("settings").out)
