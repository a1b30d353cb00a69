"""What needs a person as a page to hand over: Markdown for a ticket or chat, HTML for a browser's printer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape

from checkout_daemon.model.todo import Todo, TodoItem
from checkout_daemon.present.text import plain
from checkout_daemon.present.times import local_time
from checkout_daemon.present.todo import deadline, headline, remarks, sums

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~!&])")
_STYLE = (
    "body{font:11pt/1.4 sans-serif;max-width:48em;margin:2em auto;color:#000}"
    'li{break-inside:avoid;list-style:"\\2610  ";margin-bottom:1em}.due{font-weight:bold}code{white-space:pre-wrap}'
)


def title(found: Todo, items: Iterable[TodoItem], shop: str, time_zone: str) -> str:
    """Return `Shop, 24 Nov 2026 10:02 CET: 4 to do, €120.00`."""
    items = tuple(items)
    return f"{plain(shop)}, {local_time(found.at, time_zone)}: {len(items)} to do{sums(items)}"


def as_markdown(found: Todo, items: Iterable[TodoItem], shop: str, time_zone: str, *, masked: bool) -> str:
    """Return a page in Markdown, with a box to tick for each item."""
    items = tuple(items)
    lines = [f"# {_marked(title(found, items, shop, time_zone))}", ""]
    for item in items:
        due = deadline(item, found.at, time_zone)
        lines.append(f"- [ ] **{_marked(headline(item, masked=masked))}**{f' **{_marked(due)}**' if due else ''}")
        lines += [f"  - {_marked(text)}" for text in _texts(item, found, time_zone)]
        lines += [f"  - <{item.page}>"] if item.page else []
        lines += [f"  - `{plain(item.command).replace('`', '')}`"] if item.command else []
    return "\n".join(lines) + "\n"


def as_html(found: Todo, items: Iterable[TodoItem], shop: str, time_zone: str, *, masked: bool) -> str:
    """Return a whole HTML page without scripts or anything to load."""
    items = tuple(items)
    name = escape(title(found, items, shop, time_zone))
    lines = [
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style>',
        f"<h1>{name}</h1><ul>",
    ]
    for item in items:
        due = deadline(item, found.at, time_zone)
        parts = [f"<strong>{escape(headline(item, masked=masked))}</strong>"]
        parts += [f'<span class="due">{escape(due)}</span>'] if due else []
        parts += [escape(text) for text in _texts(item, found, time_zone)]
        parts += [f'<a href="{escape(item.page)}">{escape(item.page)}</a>'] if item.page else []
        parts += [f"<code>{escape(plain(item.command))}</code>"] if item.command else []
        lines.append(f"<li>{'<br>'.join(parts)}</li>")
    return "\n".join([*lines, "</ul></html>"]) + "\n"


def _texts(item: TodoItem, found: Todo, time_zone: str) -> Iterator[str]:
    yield f"{plain(item.description)}."
    yield item.next
    yield from remarks(item, found.at, time_zone)


def _marked(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text)
