"""Long attacks on the real programs, apart from the test suite: `make faults`."""
