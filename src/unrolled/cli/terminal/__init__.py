"""Output on a terminal, in a log and as JSON."""
