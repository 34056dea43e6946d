"""The task ``frames``: predict the next frames of a clip."""
