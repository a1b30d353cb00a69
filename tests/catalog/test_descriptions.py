"""Descriptions in Markdown: as HTML that runs nothing, and as plain text."""

from __future__ import annotations

import re

import pytest

from checkout_daemon.catalog.descriptions import html_of, plain_of


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("Plain.", "<p>Plain.</p>"),
        ("a *b* **c** ~~d~~", "<p>a <em>b</em> <strong>c</strong> <s>d</s></p>"),
        ("# One\n\n###### Six", "<h2>One</h2>\n<h6>Six</h6>"),
        ("<b onclick=x>hi</b>", "<p>&lt;b onclick=x&gt;hi&lt;/b&gt;</p>"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>"),
        ("[a](data:text/html,x)", "<p>[a](data:text/html,x)</p>"),
        ("[a](https://x.example)", '<p><a href="https://x.example">a</a></p>'),
        ("", ""),
    ],
)
def test_as_html(markdown: str, html: str) -> None:
    assert html_of(markdown) == html


def test_the_columns_of_a_table_are_aligned_without_styles_in_it() -> None:
    html = html_of("|a|b|c|\n|:-|:-:|-:|\n|1|2|3|")
    assert "style=" not in html
    assert re.findall(r'<t[hd] class="align-(\w+)">', html) == ["left", "center", "right"] * 2


def test_a_picture_is_not_loaded() -> None:
    assert "<img" not in html_of("![a](https://x.example/a.png)")


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        ("Plain.\nTwo lines.", "Plain.\nTwo lines."),
        ("5 - 3 pages, 80 g", "5 - 3 pages, 80 g"),
        ("**Soft** paper\nfor _ink_.\n\n- one\n- two", "Soft paper for ink.\none\ntwo"),
        ("# Facts\n\n[site](https://x.example) & more", "Facts\nsite & more"),
        ("***", "***"),
    ],
)
def test_as_plain_text(markdown: str, plain: str) -> None:
    assert plain_of(markdown) == plain
