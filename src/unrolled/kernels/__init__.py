"""Fast paths for recurrences. `scan` alone chooses between them."""
