"""Mail templates: ours are package data, and a shop's folder (CHECKOUT_MAIL_TEMPLATES) comes before them.

A mail is two templates, `NAME.LOCALE.txt` and `NAME.LOCALE.html`. The first line of the text is `Subject: …`.
A language is known where there is a text for it, so a shop adds one by adding files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checkout_daemon.messages.sending import TryLater
from checkout_daemon.model.text import is_clean, tidied

if TYPE_CHECKING:
    from jinja2 import Environment

DEFAULT_LANGUAGE = "en"
_SUBJECT = "Subject:"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail's words. The subject is one line."""

    subject: str
    text: str
    html: str


def language_of(folder: Path | None, name: str, *wanted: str | None) -> str:
    """The first of the wanted locales (tags such as de-AT) that there is a template for, whole or by its language."""
    from jinja2 import TemplateNotFound

    environment = _environment(folder)
    for locale in wanted:
        for tag in (locale, locale.partition("-")[0]) if locale else ():
            try:
                environment.get_template(f"{name}.{tag}.txt")
            except TemplateNotFound:
                continue
            return tag
    return DEFAULT_LANGUAGE


def render(folder: Path | None, name: str, language: str, values: Mapping[str, Any]) -> Rendered:
    """Raises TryLater where a template is faulty: it can be mended while the mail waits."""
    from jinja2 import TemplateError

    environment = _environment(folder)
    try:
        text = environment.get_template(f"{name}.{language}.txt").render(values)
        html = environment.get_template(f"{name}.{language}.html").render(values)
    except TemplateError as error:
        line = f", line {error.lineno}" if hasattr(error, "lineno") else ""
        raise TryLater(f"the template {name}.{language} is faulty{line}: {error}") from error
    head, _, body = text.lstrip().partition("\n")
    if not head.startswith(_SUBJECT):
        raise TryLater(f"the template {name}.{language}.txt must begin with a line {_SUBJECT} …")
    return Rendered(one_line(head.removeprefix(_SUBJECT)), body.strip() + "\n", html.strip() + "\n")


def one_line(text: str) -> str:
    """Return what may stand in a header: nothing that ends it, and nothing that a reader does not see."""
    return " ".join("".join(each if is_clean(each) else " " for each in tidied(text)).split())


@cache
def _environment(folder: Path | None) -> Environment:
    from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, StrictUndefined, select_autoescape

    own = PackageLoader("checkout_daemon.messages", "templates")
    return Environment(
        loader=own if folder is None else ChoiceLoader([FileSystemLoader(folder), own]),
        autoescape=select_autoescape(disabled_extensions=("txt",), default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
