"""The task ``memory``: synthetic problems with long-term dependencies."""
