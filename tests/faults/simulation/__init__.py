"""A deterministic simulation of the whole shop: the real programs with simulated clocks, network and scheduling.

An episode is one process (`episode.py`). Everything that is not the product's own decision comes from its seed: when a
message arrives, which process runs next, what fails and when. The database is a real PostgreSQL that is given one
statement at a time and a simulated clock (`postgres.py`, `link.py`).
"""
