"""Goes on with refunds whose answer never came: the command was killed, or Stripe was away."""

from __future__ import annotations

import socket

from checkout_daemon.runtime import Runtime
from checkout_daemon.services.operators import DAEMON, Operator
from checkout_daemon.services.refunding import resume_refund

_MOST_PER_TURN = 50


async def resume_refunds(runtime: Runtime) -> int:
    """How many were gone on with; each is claimed, so that no other daemon does the same."""
    operator = Operator(DAEMON, socket.gethostname())
    for done in range(_MOST_PER_TURN):
        if not await resume_refund(runtime, operator):
            return done
    return _MOST_PER_TURN
