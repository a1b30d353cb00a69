"""Tests of `checkout dev`."""
