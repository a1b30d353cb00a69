"""`checkout orders explain`."""

from __future__ import annotations

from textwrap import wrap

from rich.text import Text

from checkout_daemon.commands.output import console, print_json
from checkout_daemon.commands.running import with_database
from checkout_daemon.commands.styles import attention, status_text
from checkout_daemon.present.text import plain
from checkout_daemon.services.explaining import Explanation, explain_order
from checkout_daemon.settings import Settings
from checkout_daemon.store.database import Database

_INDENT = "  "
_WIDTH = 78


def explain(text: str, *, as_json: bool) -> int:
    async def work(database: Database, settings: Settings) -> Explanation:
        return await explain_order(database, text, settings.time_zone)

    explanation = with_database(work)
    if as_json:
        print_json(explanation)
    else:
        _print(explanation)
    return 0


def _print(explanation: Explanation) -> None:
    printer = console()
    title = Text.assemble((f"Order {explanation.number}", "bold"), "  ", status_text("order", explanation.status))
    if explanation.attention:
        title.append("  ").append(attention(explanation.attention))
    printer.print(title, soft_wrap=True)
    for finding in explanation.findings:
        printer.print()
        for line in wrap(plain(finding.says), _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT):
            printer.print(line, soft_wrap=True)
        if finding.next is not None:
            for line in wrap(f"Next: {plain(finding.next)}", _WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT):
                printer.print(Text(line, style="dim"), soft_wrap=True)
        if finding.command is not None:
            printer.print(Text.assemble(f"{_INDENT}→ ", (plain(finding.command), "bold")), soft_wrap=True)
