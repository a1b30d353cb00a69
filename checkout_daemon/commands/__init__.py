"""The commands of cli.py: a module for each group, with a command's options, help and body in one function.

These modules import click and light modules of the domain. A function imports what it needs when it runs, so that help
and completion are fast.
"""
