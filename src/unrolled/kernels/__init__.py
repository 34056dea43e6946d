"""Backends for recurrences; `unrolled.scan` chooses between them."""
