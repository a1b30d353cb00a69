"""What every part of the sandbox works with: settings, storage, and what request is being answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from checkout_daemon.sandbox.errors import missing_object
from checkout_daemon.sandbox.parameters.specs import Params, Spec
from checkout_daemon.sandbox.sockets import Socket
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.trouble import TroublePlan, load_trouble

API_VERSION = "2026-10-28.endive"
ACCOUNT_ID = "acct_1OfflineSandbox00"

NOUNS = {
    "payment_method": "PaymentMethod",
    "promotion_code": "promotion code",
    "webhook_endpoint": "webhook endpoint",
}
"""What Stripe's messages call a type where that is not its name."""

_PATH_PARAMS = {
    "checkout.session": "session",
    "dispute": "dispute",
    "payment_intent": "intent",
    "payment_method": "payment_method",
    "promotion_code": "promotion_code",
}
"""The parameter that an error names for an identifier in the path, where that is not `id`."""


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """`settle_seconds`: how long a delayed debit takes; `retries`: webhooks for three days, or three times;
    `unix_socket`: where to listen besides, for a CLI that is told STRIPE_CLI_UNIX_SOCKET; `names`: host names to answer
    to besides this machine's own; `remote_endpoints`: whether webhooks may leave this machine."""

    state_dir: Path
    host: str = "127.0.0.1"
    port: int = 8001
    settle_seconds: float = 1.0
    retries: Literal["live", "test"] = "live"
    unix_socket: Path | None = None
    names: tuple[str, ...] = ()
    remote_endpoints: bool = False


@dataclass(slots=True)
class Origin:
    """The request that causes what happens now; events name it."""

    request_id: str | None = None
    idempotency_key: str | None = None
    base_url: str = ""
    websocket_url: str = ""
    from_cli: bool = False
    """Whether the official CLI asks, whose fixtures are from before some of the API's rules."""


@dataclass(slots=True)
class Advance:
    """A wish to have the clock advanced to a time; `done` once everything due until then has happened."""

    target: float
    done: asyncio.Future[None]


Follower = Callable[["Box", str, Body], None]
"""Given the type of the event and its object."""


@dataclass(slots=True)
class Box:
    settings: SandboxSettings
    storage: Storage
    origin: Origin = field(default_factory=Origin)
    base_url: str = ""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    trouble: TroublePlan = field(default_factory=TroublePlan)
    sockets: dict[str, Socket] = field(default_factory=dict)
    """The CLI's open websockets by session."""
    advances: list[Advance] = field(default_factory=list)
    followers: dict[str, Follower] = field(default_factory=dict)
    """What else changes when an event of a type happens, at once and before anything else does."""
    requests_seen: int = 0
    """API requests since planned trouble was set."""
    closed: bool = False

    def __post_init__(self) -> None:
        self.trouble = load_trouble(self.storage.state("trouble"))

    @property
    def url(self) -> str:
        """Where browsers reach the sandbox."""
        return self.base_url or self.origin.base_url

    def get(self, object_id: str, kind: str, param: str | None = None) -> Stored:
        """The object, or Stripe's error: 404 for one named in the path (no `param`), else 400."""
        record = self.storage.find(object_id, kind)
        if record is None or (param is not None and record.private.get("deleted")):
            noun = NOUNS.get(kind, kind)
            raise missing_object(noun, object_id, param or _PATH_PARAMS.get(kind, "id"), in_path=param is None)
        return record


Handler = Callable[[Box, Params, str], Body]

Include = Callable[[Storage, Body], Any]
"""Return what an object shows only to those who expand it; given the nearest object with an id around the place."""

TimerHandler = Callable[[Box, Body], None]
"""Do what a timer was set for; given its payload."""


def on_object(key: str, kind: str, act: Callable[..., None], *names: str) -> TimerHandler:
    """Return a timer handler that calls `act` with the object whose id the payload holds under `key`, if it exists.

    The payload's values under `names` are the further arguments.
    """

    def handle(box: Box, payload: Body) -> None:
        if (record := box.storage.find(payload[key], kind)) is not None:
            act(box, record, *(payload[name] for name in names))

    return handle


@dataclass(frozen=True, slots=True)
class Operation:
    """A method and path, what it takes, and the function that does it; `{id}` in the path is its third argument."""

    method: str
    path: str
    handler: Handler
    specs: Mapping[str, Spec]
