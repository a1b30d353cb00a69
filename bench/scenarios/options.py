"""How a run is made: what every scenario gets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.support.cluster import Cluster
from bench.support.targets import Target


@dataclass(frozen=True, slots=True)
class Run:
    """A run. `daemons` are this checkout's and, with --against, another one's."""

    cluster: Cluster
    directory: Path
    rounds: int
    seconds: float
    daemons: tuple[Target, ...]
