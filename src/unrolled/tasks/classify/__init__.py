"""The task ``classify``: text classification."""
