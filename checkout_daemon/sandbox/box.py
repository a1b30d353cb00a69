"""The context of every part of the sandbox: settings, storage, and the request that is being answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from checkout_daemon.sandbox.errors import missing_object
from checkout_daemon.sandbox.parameters.specs import Params, Spec
from checkout_daemon.sandbox.sockets import Socket
from checkout_daemon.sandbox.storage import Body, Storage, Stored
from checkout_daemon.sandbox.trouble import TroublePlan

API_VERSION = "2026-10-28.endive"
ACCOUNT_ID = "acct_1OfflineSandbox00"

NOUNS = {
    "balance_transaction": "balance transaction",
    "payment_method": "PaymentMethod",
    "promotion_code": "promotion code",
    "setup_intent": "setupintent",
    "tax_rate": "tax rate",
    "webhook_endpoint": "webhook endpoint",
}
"""The names of types in Stripe's messages, where they differ."""

_PATH_PARAMS = {
    "checkout.session": "session",
    "coupon": "coupon",
    "dispute": "dispute",
    "payment_intent": "intent",
    "payment_method": "payment_method",
    "payout": "payout",
    "price": "price",
    "promotion_code": "promotion_code",
    "setup_intent": "intent",
}
"""The parameter that errors name for an identifier in the path, if it is not `id`."""


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """The settings of a sandbox.

    `settle_seconds` is the duration of a bank debit. `retries` repeats webhooks for three days (`live`) or three times
    (`test`). `unix_socket` is another address to listen on, for STRIPE_CLI_UNIX_SOCKET. `names` are additional host
    names to answer to. `remote_endpoints` lets webhooks leave this machine.
    """

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
    """The request that caused what happens now. Events name it."""

    request_id: str | None = None
    idempotency_key: str | None = None
    base_url: str = ""
    websocket_url: str = ""
    from_cli: bool = False
    """Whether the official CLI is asking: its fixtures are older than some of the API's rules."""


@dataclass(slots=True)
class Advance:
    """A request to advance the clock to a time. `done` is set when everything due until then has happened."""

    target: float
    done: asyncio.Future[None]


Follower = Callable[["Box", str, Body], None]
"""React to an event, given its type and object."""


@dataclass(slots=True)
class Box:
    """What every part of the sandbox shares."""

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
    """What else changes when an event of a type happens, before anything else does."""
    requests_seen: int = 0
    """API requests since planned trouble was set."""
    closed: bool = False

    def __post_init__(self) -> None:
        """Load the planned trouble that the storage remembers."""
        self.trouble = TroublePlan(**json.loads(self.storage.state("trouble") or "{}"))

    @property
    def url(self) -> str:
        """Return the address at which browsers reach the sandbox."""
        return self.base_url or self.origin.base_url

    def get(self, object_id: str, kind: str, param: str | None = None) -> Stored:
        """Return an object. Raise ApiError: 404 for an id in the path (without `param`), else 400."""
        record = self.storage.find(object_id, kind)
        if record is None or (param is not None and record.private.get("deleted")):
            noun = NOUNS.get(kind, kind)
            raise missing_object(noun, object_id, param or _PATH_PARAMS.get(kind, "id"), in_path=param is None)
        return record


Handler = Callable[[Box, Params, str], Body]

Change = Callable[["Box", Stored, Params], None]
"""Change the record as the parameters ask. It also stores the record and emits events, unless its caller does."""

Include = Callable[[Storage, Body], Any]
"""Return a field that an object shows only on request, given the storage and the object."""

TimerHandler = Callable[[Box, Body], None]
"""Handle a timer, given its payload."""

Expandable = Mapping[tuple[str, str], Include]
"""Fields shown only on request, by the type of object and the dotted place."""

Timers = Mapping[str, TimerHandler]
"""The handlers of timers by the timers' names."""


def on_object(key: str, kind: str, act: Callable[..., None], *names: str) -> TimerHandler:
    """Return a timer handler that calls `act` with an object, if it exists.

    The payload holds the object's id under `key`, and further arguments under `names`.
    """

    def handle(box: Box, payload: Body) -> None:
        if (record := box.storage.find(payload[key], kind)) is not None:
            act(box, record, *(payload[name] for name in names))

    return handle


@dataclass(frozen=True, slots=True)
class Operation:
    """A method and path, its parameters, and its handler, whose third argument is the `{id}` in the path.

    With `filled`, an empty parameter is refused unless Stripe unsets it; else only an identifier is.
    """

    method: str
    path: str
    handler: Handler
    specs: Mapping[str, Spec]
    filled: bool = False
