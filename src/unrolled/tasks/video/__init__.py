"""The task ``video``: a class for each clip, or a label for each of its frames."""
