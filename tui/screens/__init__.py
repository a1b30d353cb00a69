"""The screens: what fills the terminal, and dialogs."""
