"""Find variables that look like our settings but are not; most are misspelled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from checkout_daemon.settings.sources import DEV_ENV_FIRST, PARENT_PIPE, environment, given_layers
from checkout_daemon.settings.table import NAMES

_PREFIX = "CHECKOUT_"
_OUR_OWN = {DEV_ENV_FIRST, PARENT_PIPE}
# Kubernetes sets these for a service that is called "checkout".
_OF_KUBERNETES = re.compile(r"CHECKOUT_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP)(_\w+)?)")
_LEAST_LIKENESS = 0.75


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
        if name.startswith(_PREFIX) and name not in known | _OUR_OWN and not _OF_KUBERNETES.fullmatch(name)
    ]


def _hint(name: str, known: set[str]) -> str:
    bare = name.removeprefix(_PREFIX)  # of CHECKOUT_DATABASE_URL
    close = [bare] if bare in known else get_close_matches(name, sorted(known), 1, _LEAST_LIKENESS)
    return f"did you mean {close[0]}?" if close else "`checkout settings` lists every setting"
