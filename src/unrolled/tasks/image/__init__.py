"""The task ``image``: image classification."""
