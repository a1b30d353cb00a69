"""`checkout doctor`: is everything set up, and which command mends what is not."""

from checkout_daemon.services.doctor.check import Check
from checkout_daemon.services.doctor.checks import CHECKS, examine

__all__ = ["CHECKS", "Check", "examine"]
