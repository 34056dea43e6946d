"""The task ``translate``: sequence-to-sequence models."""
