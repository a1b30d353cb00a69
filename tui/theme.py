"""Colour themes: dark, light and high contrast. Colour never stands alone; a status is always shown in words too."""

from __future__ import annotations

from collections.abc import Mapping

from textual.theme import Theme

from checkout_daemon.present.statuses import Tone

DARK = Theme(
    name="checkout-dark",
    primary="#7aa2f7",
    secondary="#9aa5ce",
    accent="#bb9af7",
    success="#8bc38a",
    warning="#d9b36c",
    error="#e8788a",
    foreground="#c8cddb",
    background="#16181f",
    surface="#1b1e27",
    panel="#242835",
    dark=True,
    variables={"muted": "#848ca0", "cyan": "#79c0c9", "flash": "#3a4a2f", "cursor": "#2c3448"},
)
LIGHT = Theme(
    name="checkout-light",
    primary="#2857a4",
    secondary="#5a6275",
    accent="#7a3fa0",
    success="#2b6b2f",
    warning="#7d5a00",
    error="#b3172f",
    foreground="#23262e",
    background="#fafaf8",
    surface="#f1f1ee",
    panel="#e4e4df",
    dark=False,
    variables={"muted": "#666b78", "cyan": "#0f6570", "flash": "#dcebcf", "cursor": "#d5e0f3"},
)
CONTRAST = Theme(
    name="checkout-contrast",
    primary="#ffffff",
    secondary="#ffffff",
    accent="#ffff00",
    success="#00ff66",
    warning="#ffff00",
    error="#ff8080",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1a1a1a",
    dark=True,
    text_alpha=1.0,
    variables={"muted": "#d0d0d0", "cyan": "#00ffff", "flash": "#005500", "cursor": "#0000aa"},
)
THEMES = (DARK, LIGHT, CONTRAST)

COLOURS: Mapping[Tone, str] = {
    Tone.GOOD: "success",
    Tone.BUSY: "cyan",
    Tone.WAITING: "warning",
    Tone.RETURNED: "accent",
    Tone.BAD: "error",
    Tone.ALARM: "error",
    Tone.MUTED: "muted",
    Tone.NEUTRAL: "foreground",
}
"""The theme's colour for each tone of a status."""
