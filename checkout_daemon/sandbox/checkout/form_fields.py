"""Render the fields of the hosted page's form, with typed values and the error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape


@dataclass(frozen=True, slots=True)
class Form:
    """The typed values of a form, and the field that is wrong with the reason."""

    values: Mapping[str, str] = field(default_factory=dict)
    fault: str | None = None
    reason: str = ""

    def text(
        self,
        name: str,
        label: str,
        *,
        value: str | None = None,
        kind: str = "text",
        required: bool = False,
        autocomplete: str = "off",
        **attributes: str,
    ) -> str:
        """Return a labelled input. A typed value takes precedence over `value`."""
        shown = self.values.get(name, value or "")
        given = {
            "id": f"f-{name}",
            "name": name,
            "type": kind,
            "value": shown,
            "autocomplete": autocomplete,
            **attributes,
            **self._marks(name, required=required),
        }
        optional = "" if required else ' <span class="optional">(optional)</span>'
        return (
            f'<div class="field"><label for="f-{escape(name)}">{escape(label)}{optional}</label>'
            f"<input {_attributes(given)}>{self._complaint(name)}</div>"
        )

    def select(
        self,
        name: str,
        label: str,
        options: Iterable[tuple[str, str]],
        *,
        value: str | None = None,
        required: bool = True,
    ) -> str:
        """Return a labelled select element."""
        chosen = self.values.get(name, value or "")
        listed = "".join(
            f'<option value="{escape(key)}"{" selected" if key == chosen else ""}>{escape(text)}</option>'
            for key, text in options
        )
        given = {"id": f"f-{name}", "name": name, **self._marks(name, required=required)}
        return (
            f'<div class="field"><label for="f-{escape(name)}">{escape(label)}</label>'
            f"<select {_attributes(given)}>{listed}</select>{self._complaint(name)}</div>"
        )

    def checkbox(self, name: str, label: str, *, required: bool = False) -> str:
        """Return a checkbox with its label. Its value is `yes`."""
        given = {"id": f"f-{name}", "name": name, "type": "checkbox", "value": "yes"}
        given |= self._marks(name, required=required)
        checked = " checked" if self.values.get(name) == "yes" else ""
        return (
            f'<div class="field choice"><input {_attributes(given)}{checked}>'
            f'<label for="f-{escape(name)}">{escape(label)}</label>{self._complaint(name)}</div>'
        )

    def radios(self, name: str, legend: str, options: Iterable[tuple[str, str]], chosen: str) -> str:
        """Return a group of radio buttons. Their labels may be HTML."""
        listed = "".join(
            f'<label><input type="radio" name="{name}" value="{escape(key)}"{" checked" if key == chosen else ""}> '
            f"{text}</label>"
            for key, text in options
        )
        return f'<fieldset class="group"><legend>{escape(legend)}</legend>{listed}{self._complaint(name)}</fieldset>'

    def address(self, prefix: str, countries: Iterable[str] = (), known: Mapping[str, str | None] | None = None) -> str:
        """Return the fields of an address."""
        known = known or {}
        section = "shipping" if prefix == "shipping_" else "billing"

        def line(name: str, label: str, token: str, *, required: bool = True) -> str:
            return self.text(
                f"{prefix}{name}", label, value=known.get(name), required=required, autocomplete=f"{section} {token}"
            )

        return "".join(
            (
                self.select(
                    f"{prefix}country",
                    "Country",
                    [("", "Choose…"), *named_countries(countries)],
                    value=known.get("country"),
                ),
                line("line1", "Address", "address-line1"),
                line("line2", "Apartment, floor", "address-line2", required=False),
                line("postal_code", "Postal code", "postal-code"),
                line("city", "City", "address-level2"),
                line("state", "State or province", "address-level1", required=False),
            )
        )

    def _marks(self, name: str, *, required: bool) -> dict[str, str]:
        marks = {"aria-required": "true"} if required else {}
        if name == self.fault:
            marks |= {"aria-invalid": "true", "aria-describedby": f"e-{name}", "autofocus": ""}
        return marks

    def _complaint(self, name: str) -> str:
        return f'<p class="complaint" id="e-{escape(name)}">{escape(self.reason)}</p>' if name == self.fault else ""


def _attributes(given: Mapping[str, str]) -> str:
    return " ".join(f'{name.replace("_", "-")}="{escape(value)}"' for name, value in given.items())


def named_countries(codes: Iterable[str] = ()) -> list[tuple[str, str]]:
    """Return countries as pairs of code and name, sorted by name: these, or all of them."""
    names = _names()
    listed = codes or names
    return sorted(((code, names.get(code, code)) for code in listed), key=lambda country: country[1])


def home_country(locale: str | None) -> str:
    """Return the most likely country of buyers with this locale, or US if unknown."""
    language, _, region = (locale or "").partition("-")
    if len(region) == 2:
        return region.upper()
    from babel.core import get_global

    likely = str(get_global("likely_subtags").get(language, "en_Latn_US"))
    return likely.rpartition("_")[2]


@cache
def _names() -> dict[str, str]:
    from babel import Locale  # slow, and only pages with addresses need it

    return {
        code: name for code, name in Locale("en").territories.items() if len(code) == 2 and code not in _NOT_COUNTRIES
    }


_NOT_COUNTRIES = frozenset(("EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"))
