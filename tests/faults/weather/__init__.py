"""Bad weather around one daemon: Stripe away, a database at its limits, clocks, a restore, and a long day of use."""
