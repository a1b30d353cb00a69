"""How values are shown to people, in the commands' output and in the terminal UI alike."""
