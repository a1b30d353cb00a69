"""`checkout shop`: the file with the shop's name, words, links and colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from checkout_daemon.commands.base import CommandGroup
from checkout_daemon.commands.options import json_option
from checkout_daemon.commands.output import answer, print_facts, print_json, print_result, say
from checkout_daemon.present.text import counted, plain

if TYPE_CHECKING:
    from checkout_daemon.shop.records import Shop


@click.group(cls=CommandGroup)
def shop() -> None:
    """Check and show the shop's name, words and colours.

    Example:
      checkout shop check shop.toml
    """


@shop.command("check")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@json_option
def shop_check(file: Path | None, as_json: bool) -> int:
    """Check a shop's file, and name each fault with its line.

    Missing and unknown texts of its translations are named with file and key. Without FILE, check the file of
    CHECKOUT_SHOP_FILE. Exit code 1 if there is a fault. The daemon reads the file when
    it starts: restart it after a change.

    Example:
      checkout shop check shop.toml
    """
    from checkout_daemon.settings import read_setting
    from checkout_daemon.shop.shop_file import BadShopFile, read_shop

    path = file or Path(read_setting("CHECKOUT_SHOP_FILE") or "")
    if path == Path():
        raise click.UsageError("there is no shop's file: name one as FILE, or set CHECKOUT_SHOP_FILE")
    try:
        found = read_shop(path)
    except BadShopFile as error:
        for fault in error.faults:
            if as_json:
                print_json({"file": str(path), "line": fault.line or None, "key": fault.key, "problem": fault.problem})
            else:
                answer(plain(f"{path}: {fault}"))
        say(f"error: {counted(len(error.faults), 'fault')} in {path}")
        return 1
    from checkout_daemon.shop.translations import gaps_in

    if gaps := list(gaps_in(found.translations)):
        for gap in gaps:
            if as_json:
                print_json({"file": gap.file, "line": None, "key": gap.key, "problem": gap.problem})
            else:
                answer(plain(str(gap)))
        say(f"error: {counted(len(gaps), 'gap')} in the translations; the daemon starts all the same")
        return 1
    result = {"file": str(path), "name": found.name, "languages": list(found.languages)}
    print_result(result, plain(f"{path} has no faults: {found.name}, in {', '.join(found.languages)}"), as_json=as_json)
    return 0


@shop.command("show")
@json_option
def shop_show(as_json: bool) -> int:
    """Show the shop as its pages and mails have it.

    Example:
      checkout shop show
    """
    from checkout_daemon.settings import load_settings

    settings = load_settings()
    found = settings.shop
    if as_json:
        print_json(
            _fields(found) | {"name": settings.shop_name, "locale": settings.locale, "currency": settings.currency}
        )
        return 0
    facts = {
        "File": str(found) or "none: set CHECKOUT_SHOP_FILE",
        "Name": settings.shop_name,
        "Locale": settings.locale,
        "Currency": settings.currency,
        "Languages": ", ".join(found.languages),
        "Translations": ", ".join(sorted(found.translations)),
        "Seller": ", ".join(found.seller),
        "Ships to": ", ".join(found.shipping.countries) if found.shipping else "",
        "Tax": ", ".join(found.tax.rates) if found.tax else "",
        **{name.capitalize(): url for name, url in found.links.items()},
        "Colours": ", ".join(f"{name} {color}" for name, color in found.light.items()),
        "Dark": ", ".join(f"{name} {color}" for name, color in found.dark.items()),
        "Logo": f"{len(found.logo.content):,} bytes ({found.logo.suffix})" if found.logo else "",
    }
    print_facts({name: plain(fact) for name, fact in facts.items()})
    for language, words in found.words.items():
        answer(language)
        print_facts({name.replace("_", " "): plain(_line(getattr(words, name))) for name in words.__slots__})
    return 0


def _fields(shop: Shop) -> dict[str, Any]:
    return {
        "file": str(shop) or None,
        "languages": list(shop.languages),
        "links": dict(shop.links),
        "colors": {"light": dict(shop.light), "dark": dict(shop.dark)},
        "texts": {
            language: {name: getattr(words, name) for name in words.__slots__} for language, words in shop.words.items()
        },
    }


def _line(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " / ".join(value)
