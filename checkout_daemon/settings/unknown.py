"""Find variables that look like our settings but are not; most are misspelled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from checkout_daemon.settings.sources import DEV_ENV_FIRST, PARENT_PIPE, environment, given_layers
from checkout_daemon.settings.table import NAMES

_PREFIX = "CHECKOUT_"
_OUR_OWN = {DEV_ENV_FIRST, PARENT_PIPE}
# Kubernetes sets these for a service that is called "checkout".
_OF_KUBERNETES = re.compile(r"CHECKOUT_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP)(_\w+)?)")
# The terminal sets these for the commands of own keys.
_OF_OWN_KEYS = "CHECKOUT_ORDER_"
_LEAST_LIKENESS = 0.7


def unknown_warnings(environ: Mapping[str, str] | None = None, *, cwd: Path | None = None) -> list[str]:
    """Return a warning for each variable that begins with CHECKOUT_ and is not a setting, naming what was meant.

    Return none for the daemon of `checkout dev`, which has printed them.
    """
    environ = environment(environ)
    if environ.get(DEV_ENV_FIRST):
        return []
    known = {*NAMES, *(f"{name}_FILE" for name in NAMES)}
    return [
        f"{name} in {layer.path or 'the environment'} is not a setting: {_hint(name, known)}"
        for layer in given_layers(environ, cwd or Path.cwd())
        for name in sorted(layer.values)
        if name.startswith(_PREFIX) and name not in known | _OUR_OWN
        if not _OF_KUBERNETES.fullmatch(name) and not name.startswith(_OF_OWN_KEYS)
    ]


def _hint(name: str, known: set[str]) -> str:
    from difflib import get_close_matches

    bare = name.removeprefix(_PREFIX)  # of CHECKOUT_DATABASE_URL
    if bare in known:
        return f"did you mean {bare}?"
    meant = {setting.removeprefix(_PREFIX): setting for setting in sorted(known)}
    close = get_close_matches(bare, meant, 1, _LEAST_LIKENESS)
    return f"did you mean {meant[close[0]]}?" if close else "`checkout settings` lists every setting"
