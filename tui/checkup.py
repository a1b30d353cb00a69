"""The latest health checks. They outlive the health screen, so that Stripe is not asked too often."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic

from checkout_daemon.errors import DatabaseUnavailable
from checkout_daemon.operations import doctor, vital_signs
from checkout_daemon.operations.doctor import CHECKS, Check
from checkout_daemon.operations.vital_signs import SIGNS, VitalSigns
from checkout_daemon.runtime import Runtime
from checkout_daemon.settings import Settings

from .actions import command_line

STRIPE_SECONDS = 30.0
SIGNS_SECONDS = 2.0
_SIGNS_LONGEST_SECONDS = 20.0
_SHARE = 20  # spend at most one part in this many of the time on reading
_ANSWERS = 120

ORDER = (SIGNS[0], *CHECKS, *SIGNS[1:])
"""The names of all checks, ordered so that a fault explains the ones after it."""


@dataclass(slots=True)
class Checkup:
    """Check results by name, and when to read them again.

    `answers` are the database's recent response times in seconds. `asked_at` is when Stripe was last asked, on the
    monotonic clock; None before the first time.
    """

    found: dict[str, Check] = field(default_factory=dict)
    signs: VitalSigns | None = None
    answers: deque[float] = field(default_factory=lambda: deque(maxlen=_ANSWERS))
    asked_at: float | None = None
    busy: bool = False
    _due: float = 0.0
    _signs_due: float = 0.0
    _reading: bool = False
    _lost: bool = False
    _again: bool = False
    _stripe_was_silent: bool = False

    def checks(self) -> Iterator[tuple[str, Check | None]]:
        """Yield every check with its result, or None while that is unknown."""
        for name in ORDER:
            yield name, self.found.get(name)

    @property
    def faults(self) -> list[str]:
        return [name for name, check in self.checks() if check is not None and check.fault]

    @property
    def wait_seconds(self) -> float:
        """The seconds until Stripe may be asked again."""
        return max(0.0, self._due - monotonic())

    @property
    def due(self) -> bool:
        return not self.busy and monotonic() >= self._due

    @property
    def signs_due(self) -> bool:
        return not self._reading and monotonic() >= self._signs_due

    async def examine(self, settings: Settings) -> None:
        """Run the checks of `checkout doctor`, unless they are running or have just run."""
        if not self.due:
            return
        self.busy, self.asked_at = True, monotonic()
        self._due = self.asked_at + STRIPE_SECONDS
        try:
            async with aclosing(doctor.examine(settings)) as checks:
                async for check in checks:
                    self.found[check.check] = check
        finally:
            self.busy = False
            self._due = max(self._due, self.asked_at + _SHARE * (monotonic() - self.asked_at))
            if self._again:
                self._again, self._due = False, 0.0

    async def read_signs(self, runtime: Runtime, *, now: bool = False) -> None:
        """Read the vital signs unless they were just read; `now` reads them anyway."""
        if self._reading or not (now or self.signs_due):
            return
        self._reading, started = True, monotonic()
        try:
            self.signs = await vital_signs.read_vital_signs(runtime, datetime.now(UTC))
            self._add(vital_signs.judge(runtime.settings, self.signs))
            self.answers.append(self.signs.answered_seconds)
            if self._lost:
                self._lost = False
                self._forget_faults()  # they are of the time without the database
            pulse = self.signs.pulse
            if pulse.stripe_silent:
                silent = f"the daemon has had no answer for {pulse.stripe_seconds:.0f} s"
                self._add([Check.failed("stripe", silent, command_line("doctor", "--only", "stripe"))])
            elif self._stripe_was_silent:
                self._forget_faults()
            self._stripe_was_silent = pulse.stripe_silent
        except DatabaseUnavailable as error:
            self._add(vital_signs.no_answer(runtime.settings, error.detail))
            self._lost = True
        finally:
            self._reading = False
            share = 0.0 if self._lost else min(_SHARE * (monotonic() - started), _SIGNS_LONGEST_SECONDS)
            self._signs_due = monotonic() + max(SIGNS_SECONDS, share)

    def _forget_faults(self) -> None:
        """Forget what the doctor found wrong, and have it look again at once, also if it is just at it."""
        for name in CHECKS:
            if (check := self.found.get(name)) is not None and check.fault:
                del self.found[name]
        self._due, self._again = 0.0, self.busy

    def _add(self, checks: Iterable[Check]) -> None:
        self.found |= {check.check: check for check in checks}
