"""Whatever a module declares about its resource is collected: operations, and the handlers of timers."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from pathlib import Path

import checkout_daemon.sandbox
from checkout_daemon.sandbox import resources
from checkout_daemon.sandbox.generic import kind_table
from checkout_daemon.sandbox.payments import refunding
from checkout_daemon.sandbox.resources import OPERATIONS, TIMERS
from checkout_daemon.sandbox.webhooks.changes import CHANGE_TIMER

_COLLECTED = {module.__name__ for module in (*resources.MODULES, *kind_table.MODULES)}


def _modules_with(name: str) -> set[str]:
    found = pkgutil.walk_packages(checkout_daemon.sandbox.__path__, "checkout_daemon.sandbox.")
    names = {module.name for module in found if hasattr(importlib.import_module(module.name), name)}
    return names - {resources.__name__, "checkout_daemon.sandbox.scheduler", "checkout_daemon.sandbox.api.expand"}


def _timers_that_are_set() -> set[str]:
    """Return the names of timers that are set: literals in the source, and the names of two modules."""
    names = {CHANGE_TIMER, *refunding.TIMERS.values()}
    for file in Path(str(checkout_daemon.sandbox.__file__)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "add_timer":
                name = node.args[0]
                if isinstance(name, ast.Constant):
                    names.add(str(name.value))
    return names


def test_every_module_with_operations_is_collected() -> None:
    modules = _modules_with("OPERATIONS") - {"checkout_daemon.sandbox.app"}
    assert modules - _COLLECTED == set()


def test_every_module_with_expandable_fields_is_collected() -> None:
    assert _modules_with("EXPANDABLE") - _COLLECTED == set()


def test_every_timer_that_is_set_has_a_handler() -> None:
    timers = _timers_that_are_set()
    assert len(timers) > 12
    assert timers - TIMERS.keys() == set()


def test_no_two_operations_have_one_route() -> None:
    routes = [(operation.method, operation.path) for operation in OPERATIONS]
    assert sorted(set(routes)) == sorted(routes)
