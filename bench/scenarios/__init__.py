"""What `python -m bench` measures, one module for each scenario."""
