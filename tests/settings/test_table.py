"""The table of settings: defaults, bounds, the manual, and what may be printed of a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout_daemon.errors import ConfigurationError
from checkout_daemon.settings import load_settings
from checkout_daemon.settings.loading import examine_settings
from checkout_daemon.settings.rows import Group, SettingRow
from checkout_daemon.settings.table import ROWS
from tests.settings.refusing import refused
from tools.settings_manual import settings_manual

ROOT = Path(__file__).parents[2]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PARTNERS = {
    "CHECKOUT_CHALLENGE_URL": {"CHECKOUT_CHALLENGE_SECRET": "x"},
    "CHECKOUT_SHOP_WEBHOOK_URL": {"CHECKOUT_SHOP_WEBHOOK_SECRET": SECRET},
}
EXAMPLES = [row for row in ROWS.values() if row.example and "\u2026" not in row.example]
NUMBERS = [row for row in ROWS.values() if row.kind.words.startswith("whole number from ")]


def test_the_manual_is_current() -> None:
    """To update it: make manual."""
    assert (ROOT / "docs/SETTINGS.md").read_text(encoding="utf-8") == settings_manual()


def test_every_group_has_settings_and_every_setting_a_name_of_its_own() -> None:
    assert {row.group for row in ROWS.values()} == set(Group)
    assert len({row.name for row in ROWS.values()}) == len(ROWS)


@pytest.mark.parametrize("row", EXAMPLES, ids=lambda row: row.name)
def test_the_example_of_a_setting_is_accepted(tmp_path: Path, row: SettingRow) -> None:
    values = {row.name: row.example, **PARTNERS.get(row.name, {})}
    if row.name == "CHECKOUT_MAIL_TEMPLATES":
        values[row.name] = str(tmp_path)
    if row.name == "CHECKOUT_SHOP_FILE":
        values[row.name] = str(tmp_path / "shop.toml")
        (tmp_path / "shop.toml").write_text("")
    examined = examine_settings(values, cwd=tmp_path)
    assert examined.faults == {}
    assert examined.sources[row.name].layer.name == "environment"


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: row.name)
def test_a_number_out_of_bounds_is_refused_with_the_bounds(tmp_path: Path, row: SettingRow) -> None:
    least, _, most = row.kind.words.removeprefix("whole number from ").partition(" to ")
    for text in (str(int(least) - 1), str(int(most) + 1), "1.5", "x", "\u0661", "9" * 30):
        assert refused(tmp_path, **{row.name: text}) == f"{row.name} must be a {row.kind.words}, not {text!r}"


def test_every_fault_is_listed_at_once(tmp_path: Path) -> None:
    environ = {
        "CHECKOUT_PORT": "x",
        "CHECKOUT_CURRENCY": "euro",
        "CHECKOUT_METRICS": "maybe",
        "CHECKOUT_TIME_ZONE": "Mars",
        "CHECKOUT_MAIL_TEMPLATES": "/nope",
        "CHECKOUT_AUDIT_KEY": "short",
        "CHECKOUT_AUDIT_KEY_SINCE": "2026-11-28",
        "CHECKOUT_AUDIT_ANCHOR": "anchors",
        "CHECKOUT_CHALLENGE_SECRET": "x",
        "STRIPE_API_KEY_FILE": "/nope",
    }
    faults = examine_settings(environ, cwd=tmp_path).faults
    assert faults.keys() == (environ.keys() - {"STRIPE_API_KEY_FILE", "CHECKOUT_CHALLENGE_SECRET"}) | {
        "STRIPE_API_KEY",
        "CHECKOUT_CHALLENGE_URL",
    }
    assert "names '/nope', which is not a directory" in faults["CHECKOUT_MAIL_TEMPLATES"]
    assert "cannot be read from /nope (STRIPE_API_KEY_FILE): No such file" in faults["STRIPE_API_KEY"]
    assert refused(tmp_path, **environ) == "; ".join(faults.values())


def test_nothing_is_printed_of_a_secret_but_the_harmless_part_of_a_url(tmp_path: Path) -> None:
    environ = {
        "DATABASE_URL": "postgresql://u:S3CR3T@h/db",
        "STRIPE_API_KEY": "sk_test_S3CR3T",
        "STRIPE_WEBHOOK_SECRET": "whsec_S3CR3T",
        "CHECKOUT_SMTP_URL": "smtp://u:S3CR3T@h",
        "CHECKOUT_SHOP_WEBHOOK_URL": "https://u:S3CR3T@h.example/S3CR3T?S3CR3T",
        "CHECKOUT_SHOP_WEBHOOK_SECRET": SECRET,
    }
    settings = load_settings(environ, cwd=tmp_path)
    shown = {row.name: row.shown(getattr(settings, field)) for field, row in ROWS.items() if row.name in environ}
    assert shown == {
        "DATABASE_URL": "postgresql://u@h/db",
        "STRIPE_API_KEY": None,
        "STRIPE_WEBHOOK_SECRET": None,
        "CHECKOUT_SMTP_URL": "smtp://u@h",
        "CHECKOUT_SHOP_WEBHOOK_URL": "https://h.example",
        "CHECKOUT_SHOP_WEBHOOK_SECRET": None,
    }
    assert "S3CR3T" not in repr(settings)
    assert "S3CR3T" not in repr(examine_settings(environ, cwd=tmp_path))


def test_no_limit_on_checkouts_is_no_limit_at_all_unless_one_is_set(tmp_path: Path) -> None:
    usual = load_settings({}, cwd=tmp_path)
    assert min(usual.rate_limit, usual.quote_limit, usual.look_limit, usual.failed_tries) > 0
    off = load_settings({"CHECKOUT_RATE_LIMIT": "0", "CHECKOUT_LOOK_LIMIT": "5"}, cwd=tmp_path)
    assert (off.rate_limit, off.quote_limit, off.look_limit, off.failed_tries) == (0, 0, 5, 0)


# Longer than file systems take. A folder that may not be searched fails alike, but not for root.
TOO_LONG = "x" * 300


def test_a_directory_that_cannot_be_looked_at_is_a_fault(tmp_path: Path) -> None:
    fault = refused(tmp_path, CHECKOUT_MAIL_TEMPLATES=f"/{TOO_LONG}")
    assert fault.startswith(f"CHECKOUT_MAIL_TEMPLATES names '/{TOO_LONG}', which ")


def test_a_state_directory_that_cannot_be_looked_at_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"dev\.env cannot be read: "):
        examine_settings({}, cwd=tmp_path, state_dir=tmp_path / TOO_LONG)
