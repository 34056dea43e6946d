"""A sentence into another."""
