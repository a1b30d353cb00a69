"""tools/audit.py tells "nothing is known" from "nobody was asked"."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import pytest

from tools.audit import Audit, audit_npm, audit_python, describe, exit_code


def printing(report: object) -> Sequence[str]:
    """Return a command that prints a report, as pip-audit and npm do."""
    return [sys.executable, "-c", f"print({json.dumps(json.dumps(report))})"]


FAILING = [sys.executable, "-c", "raise SystemExit('no route to host')"]


def test_packages_without_advisories_are_clean() -> None:
    report = {"dependencies": [{"name": "click", "version": "8.3.0", "vulns": []}], "fixes": []}
    assert audit_python(printing(report), "constraints.txt") == Audit("constraints.txt")


def test_an_advisory_is_named_with_the_version_that_fixes_it() -> None:
    advisory = {"id": "PYSEC-2026-1", "fix_versions": ["8.3.1"]}
    report = {"dependencies": [{"name": "click", "version": "8.3.0", "vulns": [advisory]}]}
    audit = audit_python(printing(report), "constraints.txt")
    assert audit.advisories == ("click 8.3.0: PYSEC-2026-1 (fixed in 8.3.1)",)
    assert exit_code([audit], strict=False) == 1


def test_a_mirror_without_advisories_does_not_pass_for_a_clean_result() -> None:
    report = {"dependencies": [{"name": "click", "skip_reason": "Dependency not found on PyPI: click (8.3.0)"}]}
    audit = audit_python(printing(report), "constraints.txt")
    assert "1 of 1 packages" in audit.not_checked
    assert "NOT CHECKED" in describe(audit)


def test_npm_advisories_are_named() -> None:
    report = {"vulnerabilities": {"vite": {"name": "vite", "range": "<7.3.9", "severity": "high"}}}
    assert audit_npm(printing(report), "frontend").advisories == ("vite <7.3.9: high",)


@pytest.mark.parametrize(
    "audit",
    [
        audit_npm(printing({"message": "405 Method Not Allowed", "statusCode": 405}), "frontend"),
        audit_npm(FAILING, "frontend"),
        audit_npm(["/nowhere/npm"], "frontend"),
        audit_python(FAILING, "constraints.txt"),
    ],
)
def test_a_database_that_cannot_be_reached_fails_only_a_strict_audit(audit: Audit) -> None:
    assert "NOT CHECKED" in describe(audit)
    assert exit_code([audit], strict=False) == 0
    assert exit_code([audit], strict=True) == 1
