"""`checkout mcp`: the MCP server, for assistants."""

from __future__ import annotations

import click

from checkout_daemon.commands.base import Command
from checkout_daemon.commands.running import with_runtime


@click.command(cls=Command)
def mcp() -> int:
    """Serve an assistant's tools on stdin and stdout.

    Assistants that speak the Model Context Protocol find, show and explain orders with them, and list events and what
    is to do. They change nothing: a refund or a cancellation becomes a proposal, for `checkout proposals approve`.
    Names and addresses are masked unless CHECKOUT_MCP_PERSONAL_DATA is on. Give an assistant an operator of its own:
    its token in CHECKOUT_OPERATOR_TOKEN. Needs the extra: pip install 'checkout-daemon[mcp]'.

    Example:
      CHECKOUT_OPERATOR_TOKEN=ckt_… checkout mcp
    """
    from checkout_daemon.mcp_server.serving import require_mcp, serve

    require_mcp()
    with_runtime(serve, stripe=False)
    return 0
