"""A bar for what takes more than a moment: on stderr, and on a terminal only."""

from __future__ import annotations


class Progress:
    """Counts steps; the total may become known on the way."""

    def __init__(self, what: str, total: int | None = None, *, shown: bool = True) -> None:
        from rich.console import Console
        from rich.progress import MofNCompleteColumn
        from rich.progress import Progress as Bar

        console = Console(stderr=True)
        self._bar = Bar(
            *Bar.get_default_columns(), MofNCompleteColumn(), console=console,
            disable=not (shown and console.is_terminal), transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task(what, total=total)

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def total(self, total: int) -> None:
        self._bar.update(self._task, total=total)

    def step(self, steps: int = 1) -> None:
        self._bar.advance(self._task, steps)
