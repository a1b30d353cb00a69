"""Explains an order from the facts held: why it is in its state, what happens next, and what puts it right."""

from checkout_daemon.orders.explaining.case import Finding
from checkout_daemon.orders.explaining.explain import Explanation, explain_order
from checkout_daemon.orders.explaining.rules import RULES

__all__ = ["RULES", "Explanation", "Finding", "explain_order"]
