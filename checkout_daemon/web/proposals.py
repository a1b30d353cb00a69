"""Handlers of /api/proposals: what a token's operator may not do alone, decided by the operator of another token."""

from __future__ import annotations

import msgspec
from aiohttp import web

from checkout_daemon.patience import SYSTEM_SECONDS, within
from checkout_daemon.proposals.deciding import approve, reject
from checkout_daemon.proposals.listing import find_proposal
from checkout_daemon.runtime import Runtime
from checkout_daemon.tokens.api_tokens import Bearer, Scope
from checkout_daemon.web.answers import json_response
from checkout_daemon.web.api_access import operator_of
from checkout_daemon.web.app_keys import API_ACCESS, BODIES, RUNTIME
from checkout_daemon.web.bodies import read_json
from checkout_daemon.web.proposal_schemas import DecisionBody, proposal_answer

PATH = "/api/proposals"
_DECISION = msgspec.json.Decoder(DecisionBody)


async def get_proposal(request: web.Request) -> web.Response:
    """Return a proposal as it stands now."""
    with within(SYSTEM_SECONDS):
        runtime, _ = await _admitted(request, Scope.READ)
        return json_response(proposal_answer(await find_proposal(runtime.database, _number(request))))


async def post_approve(request: web.Request) -> web.Response:
    """Approve a proposal and carry it out; a daemon runs the refunds of a batch."""
    with within(SYSTEM_SECONDS):
        runtime, bearer = await _admitted(request, Scope.WRITE)
        body = await read_json(request, _DECISION, request.app[BODIES].shop)
        approved = await approve(runtime, _number(request), operator=operator_of(bearer), note=body.note)
    return json_response(proposal_answer(approved.proposal))


async def post_reject(request: web.Request) -> web.Response:
    """Reject a proposal, or withdraw one's own."""
    with within(SYSTEM_SECONDS):
        runtime, bearer = await _admitted(request, Scope.WRITE)
        body = await read_json(request, _DECISION, request.app[BODIES].shop)
        rejected = await reject(runtime, _number(request), operator=operator_of(bearer), note=body.note)
    return json_response(proposal_answer(rejected))


async def _admitted(request: web.Request, scope: Scope) -> tuple[Runtime, Bearer]:
    runtime = request.app[RUNTIME]
    return runtime, await request.app[API_ACCESS].admit(request, runtime.database, scope)


def _number(request: web.Request) -> int:
    return int(request.match_info["proposal"])
