"""Planned trouble: what goes wrong on purpose, how often, and reproducibly for the same seed."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from checkout_daemon.sandbox.errors import ApiError

_EFFECTS = ("before", "after", "either", "later")


@dataclass(frozen=True, slots=True)
class TroublePlan:
    """What goes wrong on purpose. Shares are percentages of deliveries or API requests; times are in seconds."""

    seed: int = 1
    duplicate: float = 0
    """Duplicated deliveries."""
    reorder: float = 0
    """Deliveries delayed by up to `spread_seconds`, so that later events overtake them."""
    delay: float = 0
    """Deliveries that start `delay_seconds` late."""
    drop: float = 0
    """Attempts that are never sent. The delivery is retried as after any failure."""
    bad_signature: float = 0
    """Attempts signed with a wrong secret."""
    answer_lost: float = 0
    """Attempts whose answer is lost, even a 200. The delivery is retried."""
    spread_seconds: float = 1.0
    delay_seconds: float = 5.0
    api_429: float = 0
    api_500: float = 0
    api_timeout: float = 0
    """Requests that are not answered for `timeout_seconds` before the connection closes."""
    api_drop: float = 0
    """Requests whose connection closes immediately, without an answer."""
    api_effect: Literal["before", "after", "either", "later"] = "either"
    """Whether `api_500`, `api_timeout` and `api_drop` strike before or after the request takes effect.

    `later`: a write is answered 500 permanently under its key, and takes effect `later_seconds` afterwards.
    """
    api_500_stored: bool = False
    """Whether a 500 is stored under its idempotency key and repeated, as at Stripe."""
    later_seconds: float = 6.0
    timeout_seconds: float = 30.0
    rate_limit: int | None = None
    """API requests per second before 429. Stripe's limit is 25 in test mode."""
    denied: str = ""
    """Permissions that restricted keys (rk_test_…) lack, comma-separated, such as `rak_coupon_write`."""
    disable_after_days: float | None = None
    """The days without a success after which an endpoint is disabled."""

    @property
    def on(self) -> bool:
        """Return whether anything is planned."""
        return self != TroublePlan(seed=self.seed)

    def strikes(self, name: str, *key: object) -> bool:
        """Return whether this trouble strikes a delivery, attempt or request. The result is reproducible."""
        share = float(getattr(self, name))
        return share > 0 and self.random(name, *key) * 100 < share

    def random(self, *key: object) -> float:
        """Return a number from 0 to 1 that depends only on the seed and the key."""
        text = ":".join(str(part) for part in (self.seed, *key))
        return random.Random(text).random()  # noqa: S311 - reproducible on purpose, guards nothing


@dataclass(frozen=True, slots=True)
class Strike:
    """A planned fault of a request, and whether it strikes after the effect."""

    name: str
    after: bool
    later_seconds: float | None = None

    @property
    def ends_connection(self) -> bool:
        """Return whether the connection closes without an answer."""
        return self.name in ("api_timeout", "api_drop")


def changed_trouble(trouble: TroublePlan, given: Any) -> TroublePlan:
    """Return the settings with these changes. Raise ApiError (400) for an invalid name or value."""
    if not isinstance(given, dict):
        raise ApiError('Planned trouble is a JSON object, such as {"duplicate": 20}.', stored=False)
    kinds = {setting.name: str(setting.type) for setting in fields(TroublePlan)}
    for name, value in given.items():
        if name not in kinds:
            raise ApiError(f"Unknown trouble: {name}. Use one of: {', '.join(kinds)}.", param=name, stored=False)
        _check(name, value, kinds[name])
    return replace(trouble, **given)


def _check(name: str, value: Any, kind: str) -> None:
    if value is None and "None" in kind:
        return
    if kind == "bool":
        valid, wanted = isinstance(value, bool), "true or false"
    elif kind == "str":
        valid = isinstance(value, str) and re.fullmatch(r"(rak_[a-z_]+_(read|write)(, ?|$))*", value) is not None
        wanted = "names of permissions such as rak_coupon_write, comma-separated"
    elif kind.startswith("Literal"):
        valid, wanted = value in _EFFECTS, f"one of {', '.join(_EFFECTS)}"
    elif isinstance(value, bool) or not isinstance(value, int | float) or value != value or value < 0:
        valid, wanted = False, "a number of at least 0"
    elif kind.startswith("int"):
        valid, wanted = isinstance(value, int) and (name == "seed" or value > 0), "a whole number of at least 1"
    elif name.endswith(("_seconds", "_days")):
        valid, wanted = value <= 30 * 86400, "a time of at most 30 days"
    else:
        valid, wanted = value <= 100, "a percentage from 0 to 100"
    if not valid:
        raise ApiError(f"Invalid {name}: it must be {wanted}.", param=name, stored=False)
