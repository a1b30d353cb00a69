"""What the commands of cli.py do: parse, call one service, print. Imported when a command runs, never for its help."""
