"""Variables that begin with CHECKOUT_ and are not settings: a warning names the setting that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from checkout_daemon.settings import DEV_ENV_FIRST, PARENT_PIPE
from checkout_daemon.settings.table import NAMES
from checkout_daemon.settings.unknown import unknown_warnings


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("CHECKOUT_RATE_LIMTI", "CHECKOUT_RATE_LIMIT"),
        ("CHECKOUT_AUDIT_KEYS", "CHECKOUT_AUDIT_KEY"),
        ("CHECKOUT_SMTP_UR", "CHECKOUT_SMTP_URL"),
        ("CHECKOUT_METRIC_TOKEN_FILE", "CHECKOUT_METRICS_TOKEN_FILE"),
        ("CHECKOUT_DATABASE_URL", "DATABASE_URL"),
        ("CHECKOUT_STRIPE_API_KEY_FILE", "STRIPE_API_KEY_FILE"),
    ],
)
def test_a_misspelled_setting_is_named_with_the_one_that_was_meant(tmp_path: Path, name: str, meant: str) -> None:
    warning = f"{name} in the environment is not a setting: did you mean {meant}?"
    assert unknown_warnings({name: "S3CR3T"}, cwd=tmp_path) == [warning]


def test_a_name_that_is_like_no_setting_has_no_suggestion(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CHECKOUT_ZEBRA=1\nOTHER=1\n")
    assert unknown_warnings({}, cwd=tmp_path) == [
        f"CHECKOUT_ZEBRA in {tmp_path}/.env is not a setting: `checkout settings` lists every setting"
    ]


def test_settings_their_files_and_variables_of_other_programs_cause_no_warning(tmp_path: Path) -> None:
    known = dict.fromkeys([*NAMES, *(f"{name}_FILE" for name in NAMES)], "x")
    kubernetes = dict.fromkeys(["CHECKOUT_SERVICE_HOST", "CHECKOUT_SERVICE_PORT_H", "CHECKOUT_PORT_80_TCP_ADDR"], "x")
    others = {"STRIPE_DEVICE_NAME": "x", "_CHECKOUT_COMPLETE": "x", "PATH": "x", PARENT_PIPE: "3"}
    assert unknown_warnings(known | kubernetes | others, cwd=tmp_path) == []


def test_the_daemon_of_a_demo_does_not_repeat_what_the_demo_printed(tmp_path: Path) -> None:
    assert unknown_warnings({"CHECKOUT_RATE_LIMTI": "1", DEV_ENV_FIRST: "1"}, cwd=tmp_path) == []
