"""Benchmarks: `python -m bench` measures the daemon against its peers. The modules beside it run alone."""
