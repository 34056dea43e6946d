"""The task ``speech``: recordings in, the words that are spoken out."""
