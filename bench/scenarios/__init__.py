"""What `python -m bench` measures, one module for each scenario."""

NAMES = (
    *("webhooks", "checkouts", "routes", "refusals", "payments", "openloop"),
    *("flat", "replay", "stripe", "memory", "start", "scaling", "accounts", "slices"),
)
"""The modules, in the sequence in which they run."""
LONG = ("flat", "replay", "stripe", "memory", "scaling", "accounts")
"""Those that `--quick` leaves out."""
PAIRS = ("slices",)
"""Those that compare this checkout with another one, and need --against."""
