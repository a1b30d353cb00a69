"""What can be typed: declarations only. These modules import click and nothing else, so that help is instant."""
