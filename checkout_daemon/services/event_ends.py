"""What became of an event, in words."""

from __future__ import annotations

from checkout_daemon.store.event_reads import EventEnd


def end_words(end: EventEnd) -> str:
    """`applied to #1042: pending -> completed`, `ignored: no order`, `failed: …`. An error is as it was kept."""
    if end.status == "applied":
        before, after = _words(end.from_status), _words(end.to_status)
        return f"applied to #{end.number}: {f'still {after}' if before == after else f'{before} -> {after}'}"
    if end.status == "duplicate":
        order = f" for #{end.number}" if end.number else ""
        return f"duplicate: delivered before, {_words(end.reason)}{order}; nothing changes"
    return f"{end.status}: {end.last_error or _words(end.reason)}"


def _words(code: str | None) -> str:
    return (code or "unknown").replace("_", " ")
