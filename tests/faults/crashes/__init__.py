"""Kills or freezes a process before and after each of its statements and network calls, and compares what follows."""
