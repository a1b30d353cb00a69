"""Checks `tui.toml` against the screens: own keys that the terminal uses itself are refused by name."""

from __future__ import annotations

from .own_keys import taken_by, written
from .screens.base import BaseScreen
from .user_config import ConfigFault, UserConfig


def all_faults(config: UserConfig) -> list[ConfigFault]:
    """Return everything that is wrong with a file, by line. Imports the screens."""
    from .screens.order import OrderScreen
    from .screens.orders import OrdersScreen

    screens: tuple[type[BaseScreen], ...] = (OrdersScreen, OrderScreen)
    names = {"Orders": "orders", "Order": "order"}
    faults, seen = list(config.faults), set[tuple[str, str]]()
    for own in (*config.keys, *config.unusable):
        assert config.path is not None
        for screen in screens:
            name = names[screen.PLACE]
            if name not in own.screens:
                continue
            taken = taken_by(own.key, screen.all_actions())
            if taken is None and (own.key, name) in seen:
                taken = "another of your keys"
            seen.add((own.key, name))
            if taken is not None:
                problem = f"key {written(own.key)} is taken on {screen.PLACE}: {taken}. Use one that `?` does not list"
                faults.append(ConfigFault(config.path, own.line, problem))
    return sorted(faults, key=lambda fault: fault.line)
