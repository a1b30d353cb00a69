"""The storefront's texts: ours, a shop's own over them, and what `checkout shop check` finds in those."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import cli
from checkout_daemon.shop.shop_file import BadShopFile, read_shop
from checkout_daemon.shop.translations import BUILT_IN, gaps_in, texts_in


def write(folder: Path, texts: dict[str, Any], settings: str = 'languages = ["en", "pl"]\n') -> Path:
    (folder / "own").mkdir(exist_ok=True)
    for language, content in texts.items():
        (folder / "own" / f"{language}.json").write_text(json.dumps(content))
    path = folder / "shop.toml"
    path.write_text(f'translations = "own"\n{settings}')
    return path


def with_plurals(texts: Any) -> Any:
    """Return the texts with a form for every plural category of Polish."""
    if not isinstance(texts, dict):
        return texts
    if "other" in texts:
        return {"one": "1", "few": "2", "many": "5", "other": "x"}
    return {key: with_plurals(inner) for key, inner in texts.items()}


def test_our_own_languages_have_every_text() -> None:
    for language in BUILT_IN:
        assert list(gaps_in({language: texts_in(language, {})})) == []
    whole = texts_in("en", {})
    assert [str(gap) for gap in gaps_in({"xx": whole})] == []


def test_a_text_of_the_shop_is_over_ours_and_ours_over_english() -> None:
    own = {"de": {"cart": {"label": "Korb"}}, "pl": {"cart": {"label": "Koszyk"}}}
    assert texts_in("de", own)["cart"] | {"label": "", "open": ""} == texts_in("de", {})["cart"] | {
        "label": "",
        "open": "",
    }
    found = [(texts_in(tag, own)["cart"]["label"], texts_in(tag, own)["cart"]["open"]) for tag in ("de", "pl", "en")]
    assert found == [("Korb", "Warenkorb öffnen"), ("Koszyk", "Open cart"), ("Cart", "Open cart")]


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", {"cart": {"lable": "Korb"}}, "de.json: cart.lable is not known: nothing shows it"),
        ("de", {"cart": "Korb"}, "de.json: cart must be a table: English is shown"),
        ("de", {"cart": {"label": 3}}, "de.json: cart.label must be a text: English is shown"),
        ("de", {"cart": {"label": " "}}, "de.json: cart.label must be a text: English is shown"),
        ("de", {"order": {"nextProcessing": "x"}}, "de.json: order.nextProcessing must be a list of texts"),
        ("de", {"cart": {"removed": "{wer}"}}, "de.json: cart.removed has {wer}, which nothing fills: there is name"),
        ("de", {"language": {"direction": "up"}}, "de.json: language.direction must be one of ltr, rtl"),
        ("pl", {"cart": {"count": {"one": "1", "other": "x"}}}, "pl.json: cart.count lacks the plural few, many"),
        ("pl", {"cart": {"count": "x"}}, "pl.json: cart.count must be a text for each plural category"),
        ("pl", {"cart": {"count": {"few": "x"}}}, "pl.json: cart.count must be a text for each plural category"),
        ("pl", {}, "pl.json: cart.open is missing: English is shown"),
    ],
)
def test_a_gap_is_named_with_file_and_key(language: str, text: dict[str, Any], expected: str) -> None:
    found = [str(gap) for gap in gaps_in({language: text})]
    assert [gap for gap in found if gap.startswith(expected)], found
    merged = texts_in(language, {language: text})  # what is unusable is not used
    assert merged["language"]["direction"] == "ltr"
    assert isinstance(merged["cart"]["label"], str)
    assert merged["cart"]["count"]["other"]
    assert isinstance(merged["order"]["nextProcessing"], list)


def test_a_language_that_the_daemon_learned_more_texts_for_still_starts(tmp_path: Path) -> None:
    shop = read_shop(write(tmp_path, {"pl": {"language": {"name": "Polski"}}}))
    assert shop.languages == ("en", "pl")
    assert shop.texts_in("pl")["language"] == {"name": "Polski", "direction": "ltr"}
    assert shop.link_labels("pl-PL")["terms"] == "Terms and conditions"


def test_the_check_names_missing_and_unknown_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    whole = {key: value for key, value in texts_in("en", {}).items() if key != "lost"} | {"lots": {}}
    path = write(tmp_path, {"pl": whole | {"cart": whole["cart"] | {"count": {"one": "1", "few": "2", "many": "5"}}}})
    assert cli.run(["shop", "check", str(path)]) == 1
    output = capsys.readouterr().out
    for line in (
        "pl.json: lots is not known: nothing shows it",
        "pl.json: lost.heading is missing: English is shown",
        "pl.json: lost.text is missing: English is shown",
        'pl.json: cart.count must be a text for each plural category, at least "other": English is shown',
    ):
        assert line in output
    cli.run(["shop", "check", str(path), "--json"])
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    assert {(line["file"], line["key"]) for line in lines} >= {("pl.json", "lots")}


def test_a_whole_translation_has_no_faults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    polish = texts_in("en", {}) | {"language": {"name": "Polski", "direction": "ltr"}}
    assert list(gaps_in({"pl": polish}))  # English lacks two plurals of Polish
    polish = with_plurals(polish)
    assert cli.run(["shop", "check", str(write(tmp_path, {"pl": polish}))]) == 0
    assert "has no faults" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("pl.json", b"{", "pl.json is not JSON: "),
        ("pl.json", b"[]", "pl.json must be one table of texts"),
        ("pl.json", b'{"a": "\xff"}', "pl.json is not UTF-8 text"),
        ("pl.json", b" " * 200_001, "pl.json is larger than 200,000 bytes"),
        ("pl.json", b"[" * 100_000, "pl.json is not JSON"),
        ("pl-PL.json", b"{}", "pl-PL.json is not named after a language"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_fault(tmp_path: Path, name: str, content: bytes, problem: str) -> None:
    path = write(tmp_path, {}, "")
    (tmp_path / "own" / name).write_bytes(content)
    with pytest.raises(BadShopFile, match=f"line 1: translations has a faulty file: {re.escape(problem)}"):
        read_shop(path)


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text('translations = "none"\n')
    with pytest.raises(BadShopFile, match=r"translations cannot be read at .*none: No such file"):
        read_shop(path)


def test_no_text_of_ours_has_a_name_that_english_lacks() -> None:
    def texts(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            yield from texts(inner)

    names = {name for text in texts(texts_in("en", {})) for name in re.findall(r"\{(\w*)", text)}
    assert {"count", "name"} <= names
    assert "" not in names
