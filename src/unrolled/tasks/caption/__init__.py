"""The task ``caption``: pictures described in words."""
