"""Work the daemon does by itself; any number of daemons may run it."""
