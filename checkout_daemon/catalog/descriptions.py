"""Descriptions of products are Markdown: as HTML for a product's own page, and as plain text everywhere else.

HTML in a description is shown as text, and a link can lead only to http, https and mailto addresses, so no description
can run a script.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

# Without any of these a description is one paragraph, or several.
_MARKUP = re.compile(r"[*_`#\[\]<>&\\~|]|^\s*(?:[-+]|\d+[.)])\s|^\s*(?:-{3,}|={3,})\s*$|^ {4}", re.MULTILINE)
_MOST_KEPT = 10_000
_HEADING_SHIFT = 1  # the page's first heading is the product's name


def html_of(description: str) -> str:
    """Return a description as HTML without scripts, styles or pictures."""
    markdown = _markdown()
    tokens = markdown.parse(description)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1]) + _HEADING_SHIFT, 6)}"
        if (style := token.attrs.pop("style", None)) is not None:  # of a table's cell, as in text-align:right
            # The pages' Content-Security-Policy forbids styles in elements.
            token.attrSet("class", f"align-{str(style).rpartition(':')[2]}")
    return str(markdown.renderer.render(tokens, markdown.options, {})).strip()


@lru_cache(maxsize=_MOST_KEPT)
def plain_of(description: str) -> str:
    """Return a description as plain text: paragraphs, one a line."""
    if not _MARKUP.search(description):
        return description
    return "\n".join(filter(None, (_text(token) for token in _markdown().parse(description)))) or description


def _text(token: Token) -> str:
    if token.type in {"fence", "code_block"}:
        return " ".join(token.content.split())
    breaks = {"softbreak", "hardbreak"}
    return "".join(" " if inner.type in breaks else inner.content for inner in token.children or ()).strip()


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # 20 ms

    # Pictures in a description would be loaded from anywhere; a product has its own.
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
