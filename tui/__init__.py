"""The order terminal."""
