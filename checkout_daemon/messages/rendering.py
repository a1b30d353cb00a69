"""Mail templates: ours are package data, and those in a shop's folder (CHECKOUT_MAIL_TEMPLATES) override them.

A mail has two templates, `NAME.LOCALE.txt` and `NAME.LOCALE.html`. The first line of the text is `Subject: …`.
A language exists if it has a text template, so a shop adds one by adding files.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checkout_daemon.messages.outcomes import TryLater
from checkout_daemon.model.text import is_clean, tidied

if TYPE_CHECKING:
    from jinja2 import Environment

DEFAULT_LANGUAGE = "en"
_SUBJECT = "Subject:"
_BLANK_LINES = re.compile(r"\n([ \t]*\n){2,}")  # parts of a template that were left out


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail as text and HTML. The subject is one line."""

    subject: str
    text: str
    html: str


def language_of(folder: Path | None, name: str, *wanted: str | None) -> str:
    """Return the first wanted locale (a tag such as de-AT), or its language, that has a template; else the default."""
    from jinja2 import TemplateError, TemplateNotFound

    environment = _environment(folder)
    for locale in wanted:
        for tag in (locale, locale.partition("-")[0]) if locale else ():
            try:
                environment.get_template(f"{name}.{tag}.txt")
            except TemplateNotFound:
                continue
            except (TemplateError, UnicodeDecodeError):  # it is there: render() names its fault
                pass
            return tag
    return DEFAULT_LANGUAGE


def render(folder: Path | None, name: str, language: str, values: Mapping[str, Any]) -> Rendered:
    """Render a mail. Raise TryLater if a template is faulty: the shop can fix it while the mail waits."""
    from jinja2 import TemplateError

    environment = _environment(folder)
    try:
        text = environment.get_template(f"{name}.{language}.txt").render(values)
        html = environment.get_template(f"{name}.{language}.html").render(values)
    # What is computed in a template may raise anything of these; a file that is not UTF-8 is a ValueError.
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        line = f", line {error.lineno}" if hasattr(error, "lineno") else ""
        raise TryLater(f"the template {name}.{language} is faulty{line}: {error}") from error
    head, _, body = text.lstrip().partition("\n")
    if not head.startswith(_SUBJECT):
        raise TryLater(f"the template {name}.{language}.txt must begin with a line {_SUBJECT} …")
    body = _BLANK_LINES.sub("\n\n", body.strip())
    return Rendered(one_line(head.removeprefix(_SUBJECT)), body + "\n", html.strip() + "\n")


def one_line(text: str) -> str:
    """Return the text as it may be in a header: without line ends and invisible characters."""
    return " ".join("".join(sign if is_clean(sign) else " " for sign in tidied(text)).split())


@cache
def _environment(folder: Path | None) -> Environment:
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined, select_autoescape

    own = PackageLoader("checkout_daemon.messages", "templates")
    return Environment(
        loader=own if folder is None else ChoiceLoader([FileSystemLoader(folder, "utf-8-sig"), own]),
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
