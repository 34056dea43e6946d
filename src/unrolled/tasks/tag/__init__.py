"""The task ``tag``: sequence labelling, such as named entity recognition and part-of-speech tagging."""
