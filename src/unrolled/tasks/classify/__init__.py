"""The class of a text."""
