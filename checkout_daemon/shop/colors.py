"""Colours that can be read: contrast as WCAG 2.2 defines it, and colours that follow from others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

LEAST_CONTRAST = 4.5
"""For text, by WCAG 2.2 success criterion 1.4.3."""
_LIGHT = {"accent": "#2d5a4a", "on_accent": "#ffffff", "paper": "#faf8f4", "surface": "#ffffff", "ink": "#24211d"}
_DARK = {"accent": "#9ccbb6", "on_accent": "#14231d", "paper": "#171614", "surface": "#201e1b", "ink": "#eeeae3"}
_READ_ON = (("ink", "paper"), ("ink", "surface"), ("accent", "paper"), ("accent", "surface"), ("on_accent", "accent"))
_STEPS = 20


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours (#rrggbb), from 1 to 21."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def complete(given: Mapping[str, str], *, dark: bool) -> dict[str, str]:
    """Return the colours with those that follow from the given ones: what is written on the accent, and its hover."""
    colors = dict(given)
    if "accent" in colors:
        colors.setdefault("on_accent", max(("#ffffff", "#000000"), key=lambda ink: contrast(ink, colors["accent"])))
        colors["accent_hover"] = mixed(colors["accent"], "#ffffff" if dark else "#000000", 0.15)
    return colors


def for_dark(light: Mapping[str, str]) -> dict[str, str]:
    """Return the dark colours of a shop that states only light ones: its accent, as light as dark paper needs it."""
    if "accent" not in light:
        return {}
    for step in range(_STEPS + 1):
        accent = mixed(light["accent"], "#ffffff", step / _STEPS)
        if min(contrast(accent, _DARK[ground]) for ground in ("paper", "surface")) >= LEAST_CONTRAST:
            break
    return {"accent": accent}


def unreadable(given: Mapping[str, str], *, dark: bool) -> Iterator[tuple[str, str, float]]:
    """Yield each pair of colours, text and ground, that has too little contrast, if one of them was given."""
    colors = (_DARK if dark else _LIGHT) | complete(given, dark=dark)
    for text, ground in _READ_ON:
        ratio = contrast(colors[text], colors[ground])
        if ratio < LEAST_CONTRAST and not given.keys().isdisjoint((text, ground)):
            yield text, ground, ratio


def mixed(color: str, other: str, share: float) -> str:
    """Return a colour with a share of another one, from 0 to 1."""
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(one * (1 - share) + two * share):02x}" for one, two in pairs)


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))


def _luminance(color: str) -> float:
    """Return the relative luminance: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    shares = (channel / 255 for channel in _channels(color))
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
