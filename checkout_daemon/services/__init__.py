"""The use cases, called by web, webhooks, jobs, CLI and TUI alike."""
