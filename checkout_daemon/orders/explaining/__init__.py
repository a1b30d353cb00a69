"""Explains an order from stored facts: why it has its status, what happens next, and what fixes it."""

from checkout_daemon.orders.explaining.case import Finding
from checkout_daemon.orders.explaining.explain import Explanation, explain_order

__all__ = ["Explanation", "Finding", "explain_order"]
