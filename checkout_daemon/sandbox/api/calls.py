"""Perform one call of an operation: its parameters, its effect and its stored answer, in one transaction."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from dataclasses import dataclass, field, replace

from checkout_daemon.sandbox.api.expand import expand
from checkout_daemon.sandbox.api.faults import server_error
from checkout_daemon.sandbox.box import Box, Operation, Origin
from checkout_daemon.sandbox.errors import ApiError
from checkout_daemon.sandbox.parameters.forms import Tree
from checkout_daemon.sandbox.parameters.specs import read_params
from checkout_daemon.sandbox.parameters.stripe_types import parameters
from checkout_daemon.sandbox.pretty import pretty
from checkout_daemon.sandbox.storage import KeptAnswer
from checkout_daemon.sandbox.trouble import Strike

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Call:
    """A request to an operation. Its answer is stored under the `key`, unless that is None."""

    method: str
    path: str
    operation: Operation
    object_id: str
    origin: Origin
    fault: Strike | None = None
    tree: Tree = field(default_factory=dict)
    key: str | None = None

    @property
    def fingerprint(self) -> str:
        """What must be the same in every request with the same key: the path, then a digest of everything."""
        text = json.dumps([self.method, self.path, self.tree], sort_keys=True)
        return f"{self.path} {hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()}"

    @property
    def request_id(self) -> str:
        """Return the id that answers and the request log show, or "" for a late effect."""
        return self.origin.request_id or ""


def perform(box: Box, call: Call) -> tuple[int, str]:
    """Run an operation and store its answer in one transaction. Return the status and the body.

    Nothing else runs in between.
    """
    box.origin = call.origin
    fault = call.fault
    changed = True
    try:
        with box.storage.transaction():
            try:
                status, text = 200, _run(box, call)
            except ApiError as error:
                changed = error.keep
                if not error.keep:
                    raise
                status, text = error.status, error_text(error, call.request_id)
            answer = status, text
            if fault is not None and fault.after:
                answer = 500, error_text(server_error(stored=True), call.request_id)
                if box.trouble.api_500_stored:
                    status, text = answer
            _keep(box, call, status, text)
            return answer
    except ApiError as error:
        answer = error.status, error_text(error, call.request_id)
        if error.stored:
            _keep(box, call, *answer)
        return answer
    except Exception:
        _logger.exception("%s %s failed", call.method, call.path)
        return 500, error_text(ApiError("An unknown error occurred.", kind="api_error"), call.request_id)
    finally:
        if changed:
            box.wake.set()


def _run(box: Box, call: Call) -> str:
    """Run the operation and return its answer. Raise ApiError."""
    fault, operation = call.fault, call.operation
    if fault is not None and fault.later_seconds is not None and call.method != "GET":
        asyncio.get_running_loop().call_later(fault.later_seconds, _perform_late, box, call)
        raise server_error(stored=True)
    if fault is not None and not fault.after:
        raise server_error(stored=box.trouble.api_500_stored)
    shape = parameters(operation.method, operation.path)
    params = read_params(call.tree, operation.specs, shape, filled=operation.filled)
    paths = params.pop("expand", None) or []
    body = operation.handler(box, params, call.object_id)
    return pretty(expand(box.storage, body, paths))


def _perform_late(box: Box, call: Call) -> None:
    """Apply the effect of a request that was answered with a 500, unless the sandbox has stopped."""
    if not box.closed:
        perform(box, replace(call, fault=None, key=None))


def _keep(box: Box, call: Call, status: int, text: str) -> None:
    if call.key is not None:
        box.storage.keep_answer(call.key, KeptAnswer(call.fingerprint, status, text, call.request_id))


def error_text(error: ApiError, request_id: str) -> str:
    """Return the body of an error's answer."""
    body = error.body()
    body["error"]["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
    return pretty(body)
