"""Benchmarks: `python -m bench` measures the daemon against its peers. The other modules here run on their own."""
