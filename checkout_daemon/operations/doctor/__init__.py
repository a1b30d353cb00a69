"""`checkout doctor`: check the set-up, and name the command that fixes each fault."""

from checkout_daemon.operations.doctor.check import Check
from checkout_daemon.operations.doctor.checks import CHECKS, examine

__all__ = ["CHECKS", "Check", "examine"]
