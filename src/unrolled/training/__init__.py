"""Training: the one loop, what it asks of a task, and everything it keeps on disk."""
